// All kernels in one translation unit: nvcc makes interfuse.fatbin of it, g++ the module of the software CUDA driver.
#include "convert.cu"
