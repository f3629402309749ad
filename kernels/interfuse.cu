// All kernels in one translation unit: nvcc makes interfuse.fatbin of it, g++ the module of the software CUDA driver.
#include "add_task_vectors.cu"
#include "convert.cu"
#include "elect_and_merge.cu"
#include "linear.cu"
#include "select_compact.cu"
#include "select_histogram.cu"
#include "select_threshold.cu"
#include "task_vector.cu"
