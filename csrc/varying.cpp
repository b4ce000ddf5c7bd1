// Groups with residual sds of their own: likelihood, gradient and exact draws on one lattice for each group.
#include "varying.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ml {

VaryingGroups::VaryingGroups(int K, int p, ResidualLaw law, std::vector<double> R, std::vector<double> rows)
    : K_(K), p_(p), m_(static_cast<int>(rows.size())), law_(law), R_(std::move(R)), rows_(std::move(rows)) {}

bool VaryingGroups::usable(const VaryingPoint& point) const {
  double sum = std::abs(point.first) + std::abs(point.second);
  for (int i = 0; i < K_ * K_; ++i) sum += std::abs(point.Lambda[i]);
  for (int i = 0; i < p_; ++i) sum += std::abs(point.gamma[i]);
  if (!std::isfinite(sum) || !(point.second > 0.0)) return false;
  if (law_ == ResidualLaw::inverse_gamma) return point.first > 0.0;
  return std::isfinite(1.0 / (point.second * point.second)) && point.second * point.second > 0.0;
}

namespace {

// Rows of N made orthogonal by rotations U' from the left, which are applied to r as well (one-sided Jacobi; Golub and
// Van Loan 2013, section 8.6.3): every singular value keeps its own relative accuracy.
void rotate_rows(double* N, double* U, double* r, int K) {
  std::fill(U, U + K * K, 0.0);
  for (int i = 0; i < K; ++i) U[i * K + i] = 1.0;
  bool moved = K > 1;
  for (int sweep = 0; moved && sweep < 40; ++sweep) {
    moved = false;
    for (int a = 0; a < K - 1; ++a)
      for (int b = a + 1; b < K; ++b) {
        double aa = 0.0, bb = 0.0, ab = 0.0;
        for (int c = 0; c < K; ++c) {
          aa += N[a * K + c] * N[a * K + c];
          bb += N[b * K + c] * N[b * K + c];
          ab += N[a * K + c] * N[b * K + c];
        }
        if (!(std::abs(ab) > 1e-15 * std::sqrt(aa) * std::sqrt(bb))) continue;
        moved = true;
        const double zeta = (bb - aa) / (2.0 * ab);
        const double t = (zeta >= 0.0 ? 1.0 : -1.0) / (std::abs(zeta) + std::sqrt(1.0 + zeta * zeta));
        const double c = 1.0 / std::sqrt(1.0 + t * t), s = c * t;
        auto turn = [c, s](double& x, double& y) {
          const double old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (int i = 0; i < K; ++i) {
          turn(N[a * K + i], N[b * K + i]);
          turn(U[i * K + a], U[i * K + b]);
        }
        turn(r[a], r[b]);
      }
  }
}

}  // namespace

// With V = s^2 I + Z Lambda Lambda' Z', R_Z Lambda = U N (rows of N orthogonal, of norms d_k), e = R (0, -gamma, 1) and
// u = U'e_1: e'V^-1 e = |e_2|^2 / s^2 + sum u_k^2 / (s^2 + d_k^2), log|V| = (n - K) log s^2 + sum log(s^2 + d_k^2).
void VaryingGroups::reduce(int j, const VaryingPoint& point, VaryingWorkspace& work) const {
  const int K = K_, p = p_, w = K + p + 1;
  const double* R = R_.data() + static_cast<std::size_t>(j) * w * w;
  work.r.resize(w);
  work.N.resize(static_cast<std::size_t>(K) * K);
  work.U.resize(work.N.size());
  SdDensity& density = work.density;
  double rest = 0.0;
  for (int i = 0; i < w; ++i) {
    const double* row = R + static_cast<std::ptrdiff_t>(i) * w;
    double x = row[w - 1];
    for (int c = std::max(i - K, 0); c < p; ++c) x -= row[K + c] * point.gamma[c];
    work.r[i] = x;
    if (i >= K) rest += x * x;
  }
  for (int i = 0; i < K; ++i)
    for (int c = 0; c < K; ++c) {
      double x = 0.0;
      for (int l = i; l < K; ++l) x += R[i * w + l] * point.Lambda[l * K + c];
      work.N[i * K + c] = x;
    }
  rotate_rows(work.N.data(), work.U.data(), work.r.data(), K);
  density.d2.resize(K);
  density.u.resize(K);
  for (int k = 0; k < K; ++k) {
    double x = 0.0;
    for (int c = 0; c < K; ++c) x += work.N[k * K + c] * work.N[k * K + c];
    density.d2[k] = x;
    density.u[k] = work.r[k];
  }
  density.rows = rows_[j];
  density.power = rows_[j] - K;
  density.inverse = rest;
  density.precision = density.centre = 0.0;
  if (law_ == ResidualLaw::inverse_gamma) {
    density.power += 2.0 * point.first;
    density.inverse += 2.0 * point.second;
  } else {
    density.centre = point.first;
    density.precision = 1.0 / (point.second * point.second);
  }
}

double VaryingGroups::value(const VaryingPoint& point, VaryingWorkspace& work) const {
  if (!usable(point)) return -std::numeric_limits<double>::infinity();
  double total = 0.0;
  for (int j = 0; j < m_; ++j) {
    reduce(j, point, work);
    if (!fill_nodes(work.density, 0.0, work.modes, work.scale, work.nodes)) return -std::numeric_limits<double>::infinity();
    total += work.nodes.top + std::log(work.nodes.sum * work.nodes.step);
  }
  return total;
}

double VaryingGroups::gradient(const VaryingPoint& point, VaryingWorkspace& work, double* by_D, double* by_gamma,
                               double* by_law) const {
  std::fill(by_D, by_D + K_ * K_, 0.0);
  std::fill(by_gamma, by_gamma + p_, 0.0);
  by_law[0] = by_law[1] = 0.0;
  if (!usable(point)) return -std::numeric_limits<double>::infinity();
  double total = 0.0;
  for (int j = 0; j < m_; ++j) {
    reduce(j, point, work);
    if (!fill_nodes(work.density, 0.0, work.modes, work.scale, work.nodes)) return -std::numeric_limits<double>::infinity();
    total += work.nodes.top + std::log(work.nodes.sum * work.nodes.step);
    add_gradient(j, work, by_D, by_gamma, by_law);
  }
  if (law_ == ResidualLaw::log_normal) by_law[1] /= point.second;
  return total;
}

// Fisher's identity: the gradient of the log integral is the mean of the integrand's gradient. With q_k = 1/(v + d_k^2),
// that by Lambda Lambda' is R_Z'U (u u' o E q q' - diag(E q)) U'R_Z / 2, that by gamma R_X1'U (u o E q) + R_X2'e_2 E(1/v).
void VaryingGroups::add_gradient(int j, VaryingWorkspace& work, double* by_D, double* by_gamma, double* by_law) const {
  const int K = K_, p = p_, w = K + p + 1;
  const SdDensity& density = work.density;
  const SdNodes& nodes = work.nodes;
  const double* R = R_.data() + static_cast<std::size_t>(j) * w * w;
  std::vector<double>&q = work.z, &mean = work.mean_q, &both = work.mean_qq, &g = work.T, &Q = work.B;
  q.resize(K);
  mean.assign(K, 0.0);
  both.assign(static_cast<std::size_t>(K) * K, 0.0);
  double inverse = 0.0, x1 = 0.0, x2 = 0.0;
  for (std::size_t i = 0; i < nodes.x.size(); ++i) {
    const double weight = nodes.weight[i] / nodes.sum, x = nodes.x[i];
    inverse += weight / nodes.v[i];
    x1 += weight * x;
    x2 += weight * x * x;
    for (int k = 0; k < K; ++k) {
      q[k] = 1.0 / (nodes.v[i] + density.d2[k]);
      mean[k] += weight * q[k];
      for (int l = 0; l <= k; ++l) both[k * K + l] += weight * q[k] * q[l];
    }
  }
  g.assign(K, 0.0);                                // U (u o E q)
  Q.assign(static_cast<std::size_t>(K) * K, 0.0);  // U'R_Z
  for (int i = 0; i < K; ++i)
    for (int k = 0; k < K; ++k) {
      g[i] += work.U[i * K + k] * density.u[k] * mean[k];
      for (int a = i; a < K; ++a) Q[k * K + a] += work.U[i * K + k] * R[i * w + a];
    }
  for (int k = 0; k < K; ++k)
    for (int l = 0; l < K; ++l) {
      const double c = density.u[k] * density.u[l] * both[std::max(k, l) * K + std::min(k, l)] - (k == l ? mean[k] : 0.0);
      for (int a = 0; a < K; ++a)
        for (int b = 0; b < K; ++b) by_D[a * K + b] += 0.5 * c * Q[k * K + a] * Q[l * K + b];
    }
  for (int i = 0; i < w; ++i) {
    const double e = i < K ? g[i] : work.r[i] * inverse;
    for (int c = std::max(i - K, 0); c < p; ++c) by_gamma[c] += R[i * w + K + c] * e;
  }
  if (law_ == ResidualLaw::inverse_gamma) {
    by_law[0] -= 2.0 * x1;
    by_law[1] -= inverse;
  } else {
    by_law[0] += density.precision * x1;
    by_law[1] += density.precision * x2;
  }
}

// A lattice moved by a uniform part of its step, and a point of it by weight: the sum of a lattice does not depend on
// where it lies, so that the point has the density itself.
bool VaryingGroups::draw(const VaryingPoint& point, Random& random, VaryingWorkspace& work, double* log_sds,
                         double* effects) const {
  if (!usable(point)) return false;
  for (int j = 0; j < m_; ++j) {
    reduce(j, point, work);
    const double shift = random.uniform() - 0.5;
    if (!fill_nodes(work.density, shift, work.modes, work.scale, work.nodes)) return false;
    const SdNodes& nodes = work.nodes;
    double left = random.uniform() * nodes.sum;
    std::size_t at = 0;
    while (at + 1 < nodes.x.size() && left > nodes.weight[at]) left -= nodes.weight[at++];
    log_sds[j] = work.density.centre + nodes.x[at];
    draw_effects(point, std::exp(log_sds[j]), random, work, effects + static_cast<std::size_t>(j) * K_);
  }
  return true;
}

// b = Lambda z, z normal with mean sum_k N_k u_k q_k and covariance I - sum_k N_k N_k' q_k, q_k = 1 / (s^2 + d_k^2), whose
// root is I - sum_k N_k N_k' / (t_k (t_k + s)), t_k^2 = s^2 + d_k^2, for the rows N_k are orthogonal with norms d_k.
void VaryingGroups::draw_effects(const VaryingPoint& point, double s, Random& random, VaryingWorkspace& work,
                                 double* out) const {
  const int K = K_;
  std::vector<double>&noise = work.B, &z = work.z;
  noise.resize(K);
  for (int k = 0; k < K; ++k) noise[k] = random.normal();
  z.assign(noise.begin(), noise.begin() + K);
  for (int k = 0; k < K; ++k) {
    const double* row = work.N.data() + static_cast<std::ptrdiff_t>(k) * K;
    const double t2 = s * s + work.density.d2[k], t = std::sqrt(t2);
    double along = 0.0;
    for (int c = 0; c < K; ++c) along += row[c] * noise[c];
    const double c0 = work.density.u[k] / t2 - along / (t * (t + s));
    for (int c = 0; c < K; ++c) z[c] += c0 * row[c];
  }
  for (int a = 0; a < K; ++a) {
    out[a] = 0.0;
    for (int c = 0; c < K; ++c) out[a] += point.Lambda[a * K + c] * z[c];
  }
}

}  // namespace ml
