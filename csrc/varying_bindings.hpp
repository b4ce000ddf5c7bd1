// Binding of groups with residual sds of their own.
#pragma once

#include <nanobind/nanobind.h>

namespace ml {

void bind_varying(nanobind::module_& m);

}  // namespace ml
