// All kernels in one translation unit: nvcc makes interfuse.fatbin of it, g++ the module of the software CUDA driver.
#include "convert.cu"
#include "select_compact.cu"
#include "select_histogram.cu"
#include "select_threshold.cu"
