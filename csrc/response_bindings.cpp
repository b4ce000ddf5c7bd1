// Binding of the families' log densities, row by row.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "response_bindings.hpp"

namespace ml {

Response checked_response(int family, int link, bool inflated, int n_global, const Input1<double>& y,
                          const std::optional<Input1<double>>& trials, const std::optional<Input1<double>>& frequency) {
  require(family >= 0 && family <= static_cast<int>(Family::ordinal), "unknown family");
  Response r;
  r.family = static_cast<Family>(family);
  r.link = link;
  r.inflated = inflated;
  r.n_global = n_global;
  r.y = to_rows<double>(y);
  if (trials) r.trials = to_rows<double>(*trials);
  if (frequency) r.frequency = to_rows<double>(*frequency);
  require(r.trials.empty() || r.trials.size() == r.y.size(), "trials must have one number per row");
  require(r.frequency.empty() || r.frequency.size() == r.y.size(), "frequency must have one number per row");
  if (r.ordinal()) {
    require(n_global >= 1, "an ordinal response needs a threshold");
    for (double c : r.y) require(c >= 1.0 && c <= n_global + 1.0, "a class outside the thresholds");
  } else {
    require(n_global + (inflated ? 1 : 0) == r.n_aux(), "wrong number of auxiliary numbers");
  }
  return r;
}

namespace {

// Log density of each row with all derivatives: n x (4 + 3 aux) - l, d1, d2, d3, then by_aux, cross, curved of each.
nb::object row_derivatives(int family, int link, bool inflated, const Input1<double>& y,
                           const std::optional<Input1<double>>& trials, const Input1<double>& aux,
                           const std::optional<Input1<double>>& rows_aux, const Input1<double>& eta) {
  const Response r = checked_response(family, link, inflated, static_cast<int>(aux.size()), y, trials, std::nullopt);
  require(eta.size() == y.size(), "eta must have one number per row");
  require(!inflated || (rows_aux && rows_aux->size() == y.size()), "zero inflation needs a number per row");
  RowDerivatives d;
  const int n_aux = r.n_aux();
  d.resize(r.n(), n_aux);
  all_derivatives(r, aux.data(), rows_aux ? rows_aux->data() : nullptr, eta.data(), 0, r.n(), d);
  const std::size_t n = y.size(), width = 4 + 3 * static_cast<std::size_t>(n_aux);
  std::vector<double> out(n * width);
  for (std::size_t i = 0; i < n; ++i) {
    double* row = out.data() + i * width;
    row[0] = d.l[i], row[1] = d.d1[i], row[2] = d.d2[i], row[3] = d.d3[i];
    for (int j = 0; j < n_aux; ++j) {
      row[4 + 3 * j] = d.by_aux[j][i];
      row[5 + 3 * j] = d.cross[j][i];
      row[6 + 3 * j] = d.curved[j][i];
    }
  }
  return to_numpy(std::move(out), {n, width});
}

double response_constant(int family, int link, bool inflated, int n_global, const Input1<double>& y,
                         const std::optional<Input1<double>>& trials, const std::optional<Input1<double>>& frequency) {
  return checked_response(family, link, inflated, n_global, y, trials, frequency).constant();
}

}  // namespace

void bind_response(nb::module_& m) {
  m.def("row_derivatives", &row_derivatives, nb::arg("family"), nb::arg("link"), nb::arg("inflated"), nb::arg("y"),
        nb::arg("trials").none(), nb::arg("aux"), nb::arg("rows_aux").none(), nb::arg("eta"));
  m.def("response_constant", &response_constant, nb::arg("family"), nb::arg("link"), nb::arg("inflated"),
        nb::arg("n_global"), nb::arg("y"), nb::arg("trials").none(), nb::arg("frequency").none());
}

}  // namespace ml
