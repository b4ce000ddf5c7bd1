// Row memory for NumPy: a handler of its data memory (NumPy enhancement proposal 49), by the numbers of NumPy's table of
// functions, which are fixed since 1.22.
#include "row_memory_bindings.hpp"

#include <nanobind/stl/string.h>

#include <cstdint>
#include <cstring>
#include <new>

#include "row_vector.hpp"

namespace ml {

namespace nb = nanobind;

namespace {

struct Handler {
  char name[127];
  std::uint8_t version;
  void* context;
  void* (*take)(void*, std::size_t);
  void* (*take_zeros)(void*, std::size_t, std::size_t);
  void* (*resize)(void*, void*, std::size_t);
  void (*free)(void*, void*, std::size_t);
};

constexpr int set_handler = 304;

void* take(void*, std::size_t bytes) {
  try {
    return allocate_rows(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* take_zeros(void* context, std::size_t n, std::size_t size) {
  void* at = take(context, n * size);
  if (at) std::memset(at, 0, n * size);
  return at;
}

Handler handler = {"multilevel_rows", 1, nullptr, &take, &take_zeros,
                   [](void*, void* at, std::size_t bytes) { return resize_rows(at, bytes); },
                   [](void*, void* at, std::size_t) { free_rows(at); }};

nb::object own_handler() { return nb::steal(PyCapsule_New(&handler, "mem_handler", nullptr)); }

// Gives NumPy another handler in this context and returns the one before.
nb::object use_handler(nb::handle table, nb::handle wanted) {
  void** functions = static_cast<void**>(PyCapsule_GetPointer(table.ptr(), nullptr));
  if (!functions) throw nb::python_error();
  const auto set = reinterpret_cast<PyObject* (*)(PyObject*)>(functions[set_handler]);
  PyObject* before = set(wanted.ptr());
  if (!before) throw nb::python_error();
  return nb::steal(before);
}

}  // namespace

void bind_row_memory(nb::module_& m) {
  m.def("set_row_folder", &set_row_folder, nb::arg("folder"));
  m.def("row_folder", &row_folder);
  m.def("row_memory", &own_handler);
  m.def("use_array_memory", &use_handler, nb::arg("table"), nb::arg("handler"));
}

}  // namespace ml
