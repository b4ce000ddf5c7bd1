// Row memory for NumPy.
#pragma once

#include <nanobind/nanobind.h>

namespace ml {

void bind_row_memory(nanobind::module_& m);

}  // namespace ml
