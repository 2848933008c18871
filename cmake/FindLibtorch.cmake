# Finds libtorch in LIBTORCH (a folder with include/ and lib/), given as a variable or in the environment.
# The wheel's own package file wants a CUDA toolkit even for CPU builds; this one wants the headers and libraries only.
#
# Defines the imported target Libtorch::cpu. The wheel carries old headers of fmt and protobuf, so its include folder
# comes after the system's.
if(NOT LIBTORCH)
  set(LIBTORCH $ENV{LIBTORCH})
endif()
find_path(LIBTORCH_INCLUDE_DIR ATen/core/Tensor.h HINTS ${LIBTORCH}/include NO_DEFAULT_PATH)
find_library(LIBTORCH_CPU_LIBRARY torch_cpu HINTS ${LIBTORCH}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_LIBRARY c10 HINTS ${LIBTORCH}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_CUDA_LIBRARY torch_cuda HINTS ${LIBTORCH}/lib NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libtorch
  REQUIRED_VARS LIBTORCH_INCLUDE_DIR LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY
  REASON_FAILURE_MESSAGE "set LIBTORCH to a folder with include/ and lib/ of libtorch 2.11 to 2.14, or run `make setup`")
if(Libtorch_FOUND AND NOT TARGET Libtorch::cpu)
  add_library(Libtorch::cpu INTERFACE IMPORTED)
  target_compile_options(Libtorch::cpu INTERFACE "SHELL:-idirafter ${LIBTORCH_INCLUDE_DIR}"
                         "SHELL:-idirafter ${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include")
  target_compile_definitions(Libtorch::cpu INTERFACE AT_PER_OPERATOR_HEADERS TORCH_ASSERT_ONLY_METHOD_OPERATORS)
  target_link_libraries(Libtorch::cpu INTERFACE ${LIBTORCH_CPU_LIBRARY} ${LIBTORCH_C10_LIBRARY})
  if(LIBTORCH_CUDA_LIBRARY)
    # Nothing calls it by name: it registers its kernels when loaded, so the linker must not drop it.
    target_link_libraries(Libtorch::cpu INTERFACE -Wl,--no-as-needed ${LIBTORCH_CUDA_LIBRARY} -Wl,--as-needed)
  endif()
endif()
