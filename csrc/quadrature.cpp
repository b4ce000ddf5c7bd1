// The integral of each group over the nodes about its mode.
#include "quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "quadrature_group.hpp"
#include "threads.hpp"

namespace ml {

namespace {

constexpr std::int64_t rows_of_chunk = 512;
constexpr std::int64_t much_work = 200000;  // rows times nodes from which threads are worth their start

// Four sums side by side: an addition need not wait for the one before it.
double sum_of(const double* values, std::int64_t n) {
  double part[4] = {0.0, 0.0, 0.0, 0.0};
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int j = 0; j < 4; ++j) part[j] += values[i + j];
  for (; i < n; ++i) part[0] += values[i];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

RowVector<double> taken(const RowVector<double>& from, const std::vector<std::int64_t>& rows) {
  RowVector<double> out;
  if (from.empty()) return out;
  out.reserve(rows.size());
  for (std::int64_t i : rows) out.push_back(from[i]);
  return out;
}

}  // namespace

Quadrature::Quadrature(Laplace& laplace, std::vector<double> points, std::vector<double> log_weights, int threads)
    : laplace_(laplace), points_(std::move(points)), log_weights_(std::move(log_weights)), threads_(threads) {
  if (laplace_.factors().size() != 1) throw std::invalid_argument("quadrature needs one factor");
  if (effects() < 1 || effects() > 6) throw std::invalid_argument("quadrature needs one to six effects");
  if (log_weights_.empty() || points_.size() != log_weights_.size() * effects())
    throw std::invalid_argument("points must have as many rows as there are weights, and one column per effect");
  constant_ = laplace_.response().constant();
  split_into_chunks();
}

void Quadrature::split_into_chunks() {
  const FactorRows& f = laplace_.factors()[0];
  const Response& all = laplace_.response();
  std::vector<std::int64_t> begin(f.m + 1, 0), sorted(f.level.size());
  for (std::int32_t level : f.level) ++begin[level + 1];
  for (int l = 0; l < f.m; ++l) begin[l + 1] += begin[l];
  std::vector<std::int64_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < f.level.size(); ++i) sorted[next[f.level[i]]++] = static_cast<std::int64_t>(i);
  for (int l = 0; l < f.m;) {
    Chunk c;
    c.first_group = l;
    const std::int64_t from = begin[l];
    c.start.push_back(0);
    do c.start.push_back(begin[++l] - from);
    while (l < f.m && begin[l] - from < rows_of_chunk && l - c.first_group < rows_of_chunk);
    c.row.assign(sorted.begin() + from, sorted.begin() + begin[l]);
    for (std::int64_t i : c.row) c.Z.insert(c.Z.end(), f.Z.begin() + i * f.K, f.Z.begin() + (i + 1) * f.K);
    c.response.family = all.family;
    c.response.link = all.link;
    c.response.inflated = all.inflated;
    c.response.n_global = all.n_global;
    c.response.y = taken(all.y, c.row);
    c.response.trials = taken(all.trials, c.row);
    c.response.frequency = taken(all.frequency, c.row);
    chunks_.push_back(std::move(c));
  }
}

// Modes, curvatures and reference values; false if a curvature is not positive definite.
template <int K>
bool Quadrature::start_groups(const Chunk& c, const Given& given, Rows& rows, std::vector<Group<K>>& groups) const {
  for (int g = 0; g < c.groups(); ++g) {
    groups[g].center(modes_.data() + static_cast<std::size_t>(c.first_group + g) * K);
    predictor<K>(c.Z.data(), rows.fixed.data(), c.start[g], c.start[g + 1], multiplied<K>(lambda_.data(), groups[g].mode),
                 rows.eta.data());
  }
  rows.mode.resize(c.n(), c.response.n_aux());
  all_derivatives(c.response, given.aux, rows.inflation(), rows.eta.data(), 0, c.n(), rows.mode);
  for (int g = 0; g < c.groups(); ++g) {
    Group<K>& group = groups[g];
    for (std::int64_t i = c.start[g]; i < c.start[g + 1]; ++i) {
      group.reference += rows.mode.l[i];
      group.add_information(c.Z.data() + i * K, -rows.mode.d2[i]);
    }
    if (!group.factorise(lambda_.data())) return false;
  }
  return true;
}

template <int K>
void Quadrature::add_node(const Chunk& c, int q, const Given& given, Rows& rows, std::vector<Group<K>>& groups) const {
  const double* z = points_.data() + static_cast<std::size_t>(q) * K;
  for (int g = 0; g < c.groups(); ++g) {
    groups[g].move_to(z);
    predictor<K>(c.Z.data(), rows.fixed.data(), c.start[g], c.start[g + 1], multiplied<K>(lambda_.data(), groups[g].u),
                 rows.eta.data());
  }
  if (given.with_gradient)
    derivatives_by_row(c.response, given.aux, rows.inflation(), rows.eta.data(), 0, c.n(), rows.node);
  else
    density_by_row(c.response, given.aux, rows.inflation(), rows.eta.data(), 0, c.n(), rows.node.l.data());
  for (int g = 0; g < c.groups(); ++g) {
    const std::int64_t first = c.start[g], last = c.start[g + 1];
    const double weight = groups[g].weight(log_weights_[q] + sum_of(rows.node.l.data() + first, last - first));
    if (weight == 0.0) continue;  // also where the mean is not allowed
    groups[g].sum += weight;
    if (given.with_gradient) groups[g].add(rows, c.Z.data(), first, last, z, lambda_.data(), weight);
  }
}

template <int K>
Quadrature::Sums Quadrature::integrate(const Chunk& c, const Given& given) {
  Sums sums;
  Rows rows(c.n(), given.with_gradient ? c.response.n_aux() : 0);
  const RowVector<double>& fixed = laplace_.fixed_predictor();
  for (std::int64_t i = 0; i < c.n(); ++i) rows.fixed[i] = fixed[c.row[i]];
  if (c.response.inflated)
    for (std::int64_t i : c.row) rows.inflations.push_back(given.rows_aux[i]);
  std::vector<Group<K>> groups(c.groups());
  sums.value = -std::numeric_limits<double>::infinity();
  if (!start_groups<K>(c, given, rows, groups)) return sums;
  for (std::size_t q = 0; q < log_weights_.size(); ++q) add_node<K>(c, static_cast<int>(q), given, rows, groups);
  sums.value = 0.0;
  for (int g = 0; g < c.groups(); ++g) sums.value += by_group[c.first_group + g] = groups[g].log_integral();
  if (given.with_gradient && std::isfinite(sums.value)) differentiate<K>(c, rows, groups, sums);
  return sums;
}

Quadrature::Sums Quadrature::integrate_any(const Chunk& c, const Given& given) {
  switch (effects()) {
    case 1: return integrate<1>(c, given);
    case 2: return integrate<2>(c, given);
    case 3: return integrate<3>(c, given);
    case 4: return integrate<4>(c, given);
    case 5: return integrate<5>(c, given);
    default: return integrate<6>(c, given);
  }
}

double Quadrature::evaluate(const double* beta, const double* theta, const double* aux, const double* rows_aux,
                            bool with_gradient) {
  constexpr double undefined = std::numeric_limits<double>::infinity();
  laplace_value = laplace_.evaluate(beta, theta, aux, rows_aux, with_gradient);
  if (!std::isfinite(laplace_value)) return undefined;
  laplace_.layout().fill_lambda(theta, 0, lambda_);
  modes_ = laplace_.whitened_modes();
  by_group.assign(laplace_.factors()[0].m, -std::numeric_limits<double>::infinity());
  residual_.assign(with_gradient ? laplace_.n() : 0, 0.0);
  const bool inflated = with_gradient && laplace_.response().inflated;
  gradient_rows_aux.assign(inflated ? laplace_.n() : 0, 0.0);
  std::vector<Sums> parts(chunks_.size());
  const Given given{aux, rows_aux, with_gradient};
  const std::int64_t work = laplace_.n() * static_cast<std::int64_t>(log_weights_.size());
  on_threads(static_cast<std::int64_t>(chunks_.size()), work < much_work ? 1 : threads_, [&](std::int64_t at, int) {
    parts[at] = integrate_any(chunks_[at], given);
  });
  double value = constant_;
  for (const Sums& s : parts) value += s.value;
  if (!std::isfinite(value)) return undefined;
  if (with_gradient) gather(parts);
  return -2.0 * value;
}

// Rows whose numbers move: each group's part of the gradient, once its nodes have been added up.
//
// With S the sum of z v' over the nodes (v = C^-1 g, g the gradient of the log integrand by u), its lower triangle made
// symmetric and halved in S^, everything that the movement of the nodes brings is
//   Q = C'^-1 (S^ + I/2) C^-1 for the curvature, and a = H^-1 (mean of g - Lambda'Z'c), c_i = -s_i l''' for the modes,
// s_i = z_i' Lambda Q Lambda' z_i; both vanish as the nodes get many (Fisher's identity).
template <int K>
void Quadrature::differentiate(const Chunk& c, Rows& rows, std::vector<Group<K>>& groups, Sums& sums) {
  const int n_aux = c.response.n_aux(), n_global = c.response.n_global;
  sums.lambda.assign(K * K, 0.0);
  sums.G.assign(K * K, 0.0);
  sums.aux.assign(n_global, 0.0);
  for (int g = 0; g < c.groups(); ++g) {
    Group<K>& group = groups[g];
    group.finish(rows, c.Z.data(), c.start[g], c.start[g + 1], lambda_.data());
    for (int e = 0; e < K * K; ++e) {
      sums.lambda[e] += group.by_lambda[e];
      sums.G[e] -= group.curved[e] / group.sum;
    }
    for (std::int64_t i = c.start[g]; i < c.start[g + 1]; ++i) {
      residual_[c.row[i]] = rows.residual[i];
      for (int j = 0; j < n_aux; ++j) {
        const double slope = rows.aux[j][i] / group.sum + rows.shift[i] * rows.mode.cross[j][i] +
                             rows.spread[i] * rows.mode.curved[j][i];
        const int threshold = static_cast<int>(c.response.y[i]) - 2 + j;
        if (!c.response.ordinal() && j == n_global) {
          gradient_rows_aux[c.row[i]] = -2.0 * slope;
        } else if (!c.response.ordinal()) {
          sums.aux[j] += slope;
        } else if (threshold >= 0 && threshold < n_global) {
          sums.aux[threshold] += slope;
        }
      }
    }
  }
}

void Quadrature::gather(const std::vector<Sums>& parts) {
  const int K = effects(), p = laplace_.p();
  std::vector<double> by_lambda(static_cast<std::size_t>(K) * K, 0.0);
  G.assign(by_lambda.size(), 0.0);
  gradient_aux.assign(laplace_.response().n_global, 0.0);
  for (const Sums& s : parts) {
    for (std::size_t e = 0; e < G.size(); ++e) {
      by_lambda[e] += s.lambda[e];
      G[e] += s.G[e];
    }
    for (std::size_t j = 0; j < gradient_aux.size(); ++j) gradient_aux[j] -= 2.0 * s.aux[j];
  }
  if (log_weights_.size() == 1) G = laplace_.G[0];  // sums over one node are no integrals
  const Layout& layout = laplace_.layout();
  gradient_theta.assign(layout.n_theta, 0.0);
  for (std::size_t e = 0; e < layout.par.size(); ++e)
    gradient_theta[layout.par[e]] -= 2.0 * by_lambda[layout.row[e] * K + layout.col[e]];
  gradient_beta.assign(p, 0.0);
  const std::int64_t n = laplace_.n();
  const RowVector<double>& X = laplace_.X();
  for (int j = 0; j < p; ++j)
    for (std::int64_t i = 0; i < n; ++i) gradient_beta[j] -= 2.0 * X[j * n + i] * residual_[i];
}

}  // namespace ml
