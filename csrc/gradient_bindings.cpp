// Binding of the gradient of what `reductions` gives, contracted with weights.
#include "arrays.hpp"
#include "problem.hpp"
#include "problem_bindings.hpp"

namespace ml {

// By factor G (n x K x K): d(log|M| + sum_ab w_ab S_ab) = sum_f tr(G_f dT_f) at each row of thetas; NaN where log|M| is
// not defined.
nb::list reduction_gradients(Problem& self, const Input2<double>& thetas, const Input<double>& weights) {
  const std::size_t n = thetas.shape(0), r = self.moments.p + 1, T = self.layout.n_theta;
  require(thetas.shape(1) == T, "thetas must have a column per theta");
  require(weights.ndim() == 3 && weights.shape(0) == n && weights.shape(1) == r && weights.shape(2) == r,
          "weights must be n x (p+1) x (p+1)");
  const int F = self.layout.n_factors();
  std::vector<std::vector<double>> all(F);
  for (int f = 0; f < F; ++f)
    all[f].assign(n * self.layout.effects[f] * self.layout.effects[f], std::numeric_limits<double>::quiet_NaN());
  {
    nb::gil_scoped_release release;
    Profile& profile = self.objective();
    std::vector<std::vector<double>> G;
    std::vector<double> w(r * r);
    for (std::size_t i = 0; i < n; ++i) {
      double log_det = 0.0;
      if (!profile.reduce(thetas.data() + i * T, log_det)) continue;
      const double* given = weights.data() + i * r * r;
      for (std::size_t a = 0; a < r; ++a)
        for (std::size_t b = 0; b < r; ++b) w[a * r + b] = 0.5 * (given[a * r + b] + given[b * r + a]);
      profile.weighted_gradient(w.data(), G);
      for (int f = 0; f < F; ++f) std::copy(G[f].begin(), G[f].end(), all[f].begin() + i * G[f].size());
    }
  }
  nb::list out;
  for (int f = 0; f < F; ++f) {
    const std::size_t k = self.layout.effects[f];
    out.append(to_numpy(std::move(all[f]), {n, k, k}));
  }
  return out;
}

}  // namespace ml
