// Binding of streamed cross-products.
#pragma once

#include <nanobind/nanobind.h>

namespace ml {

void bind_stream(nanobind::module_& m);

}  // namespace ml
