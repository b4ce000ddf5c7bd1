// One grouping factor at many points at once: lanes of points side by side, so that a class is read once for all.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "one_factor.hpp"

namespace ml {

namespace {

constexpr int lanes = 8;
using Lane = std::array<double, lanes>;

// Room of one stretch of points; matrices by entry, then lane.
struct Room {
  std::vector<Lane> lambda, G, L, inverse, W, D;
  Lane log_det{}, product{};

  Room(int k, int r) : lambda(k * k), G(k * k), L(k * k), inverse(k), W(k * r), D(r * (r + 1) / 2) {}
};

// L = chol(I + R'T R) and the product of its diagonal for every lane. NaN passes through to the result.
template <int KT>
void factor_class(const double* R, int k_given, Room& room) {
  const int k = KT > 0 ? KT : k_given;
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) {
      Lane x{};
      for (int c = std::max(a, b); c < k; ++c)
        for (int l = 0; l < lanes; ++l) x[l] += R[c * k + a] * room.lambda[c * k + b][l];
      room.G[a * k + b] = x;
    }
  for (int a = 0; a < k; ++a)
    for (int b = 0; b <= a; ++b) {
      Lane x{};
      x.fill(a == b ? 1.0 : 0.0);
      for (int c = 0; c < k; ++c)
        for (int l = 0; l < lanes; ++l) x[l] += room.G[a * k + c][l] * room.G[b * k + c][l];
      for (int c = 0; c < b; ++c)
        for (int l = 0; l < lanes; ++l) x[l] -= room.L[a * k + c][l] * room.L[b * k + c][l];
      if (a == b)
        for (int l = 0; l < lanes; ++l) {
          x[l] = std::sqrt(x[l]);
          room.inverse[a][l] = 1.0 / x[l];
        }
      else
        for (int l = 0; l < lanes; ++l) x[l] *= room.inverse[b][l];
      room.L[a * k + b] = x;
    }
}

// Adds W'W to the lower triangle of D, W = L^-1 d for one row of a class.
template <int KT>
void add_products(const double* d, int k_given, int r, Room& room) {
  const int k = KT > 0 ? KT : k_given;
  for (int a = 0; a < k; ++a)
    for (int j = 0; j < r; ++j) {
      Lane x;
      x.fill(d[a * r + j]);
      for (int c = 0; c < a; ++c)
        for (int l = 0; l < lanes; ++l) x[l] -= room.L[a * k + c][l] * room.W[c * r + j][l];
      for (int l = 0; l < lanes; ++l) x[l] *= room.inverse[a][l];
      room.W[a * r + j] = x;
    }
  for (int i = 0, e = 0; i < r; ++i)
    for (int j = 0; j <= i; ++j, ++e) {
      Lane x = room.D[e];
      for (int a = 0; a < k; ++a)
        for (int l = 0; l < lanes; ++l) x[l] += room.W[a * r + i][l] * room.W[a * r + j][l];
      room.D[e] = x;
    }
}

// Moves the running product of determinants into the sum of their logarithms.
void take_logs(Room& room) {
  for (int l = 0; l < lanes; ++l) room.log_det[l] += 2.0 * std::log(room.product[l]);
  room.product.fill(1.0);
}

// A class of `count` groups: its determinant count times; classes of one group share a logarithm.
void add_determinant(int k, double count, Room& room) {
  Lane det;
  det.fill(1.0);
  for (int a = 0; a < k; ++a)
    for (int l = 0; l < lanes; ++l) det[l] *= room.L[a * k + a][l];
  if (count != 1.0) {
    for (int l = 0; l < lanes; ++l) room.log_det[l] += 2.0 * count * std::log(det[l]);
    return;
  }
  for (int l = 0; l < lanes; ++l) room.product[l] *= det[l];
  if (*std::max_element(room.product.begin(), room.product.end()) > 1e120) take_logs(room);
}

}  // namespace

template <int KT>
void OneFactor::reduce_lanes(const double* thetas, int n, double* log_det, double* S) const {
  const int k = KT > 0 ? KT : k_, r = r_;
  Room room(k, r);
  std::vector<double> lambda_of;
  for (int l = 0; l < lanes; ++l) {
    layout.fill_lambda(thetas + static_cast<std::ptrdiff_t>(std::min(l, n - 1)) * layout.n_theta, 0, lambda_of);
    for (int e = 0; e < k * k; ++e) room.lambda[e][l] = lambda_of[e];
  }
  room.product.fill(1.0);
  for (int i = 0, e = 0; i < r; ++i)
    for (int j = 0; j <= i; ++j, ++e) room.D[e].fill(within_[i * r + j]);
  for (int s = 0; s < n_classes(); ++s) {
    factor_class<KT>(R_.data() + static_cast<std::size_t>(s) * k * k, k, room);
    add_determinant(k, count_[s], room);
    for (std::int64_t i = start_[s]; i < start_[s + 1]; ++i) add_products<KT>(d_.data() + i * k * r, k, r, room);
  }
  take_logs(room);
  for (int l = 0; l < n; ++l) {
    const bool defined = std::isfinite(room.log_det[l]);
    log_det[l] = defined ? room.log_det[l] : std::numeric_limits<double>::infinity();
    double* out = S + static_cast<std::ptrdiff_t>(l) * r * r;
    for (int i = 0, e = 0; i < r; ++i)
      for (int j = 0; j <= i; ++j, ++e) out[i * r + j] = out[j * r + i] = defined ? room.D[e][l] : 0.0;
  }
}

void OneFactor::reduce_many(const double* thetas, std::int64_t n, double* log_det, double* S) const {
  for (std::int64_t at = 0; at < n; at += lanes) {
    const int count = static_cast<int>(std::min<std::int64_t>(lanes, n - at));
    const double* first = thetas + at * layout.n_theta;
    double* out = S + at * r_ * r_;
    switch (k_) {
      case 1: reduce_lanes<1>(first, count, log_det + at, out); break;
      case 2: reduce_lanes<2>(first, count, log_det + at, out); break;
      case 3: reduce_lanes<3>(first, count, log_det + at, out); break;
      case 4: reduce_lanes<4>(first, count, log_det + at, out); break;
      default: reduce_lanes<0>(first, count, log_det + at, out);
    }
  }
}

// b_j ~ N(Lambda M_j^-1 Lambda'c_j, sigma^2 Lambda M_j^-1 Lambda'), c_j = Z_j'(y - X beta), M_j = I + Lambda'A_j Lambda = LL'.
bool OneFactor::draw_effects(const double* theta, const double* beta, double sigma, Random& random, double* out) const {
  const int k = k_, r = r_, p = r_ - 1;
  std::vector<double> lambda_of, AL(k * k), L(k * k), c(k), t(k);
  layout.fill_lambda(theta, 0, lambda_of);
  const double* lam = lambda_of.data();
  for (int j = 0; j < m_; ++j) {
    const double* A = moments_.A[0].data() + static_cast<std::size_t>(j) * k * k;
    const double* C = moments_.C[0].data() + static_cast<std::size_t>(j) * k * r;
    multiply(A, lam, AL.data(), k, k, k);
    for (int a = 0; a < k; ++a)
      for (int b = 0; b <= a; ++b) {
        double x = a == b ? 1.0 : 0.0;
        for (int i = a; i < k; ++i) x += lam[i * k + a] * AL[i * k + b];
        L[a * k + b] = x;
      }
    if (!cholesky(L.data(), k)) return false;
    for (int a = 0; a < k; ++a) {
      c[a] = C[a * r + p];
      for (int i = 0; i < p; ++i) c[a] -= C[a * r + i] * beta[i];
    }
    for (int a = 0; a < k; ++a) {
      t[a] = 0.0;
      for (int i = a; i < k; ++i) t[a] += lam[i * k + a] * c[i];
    }
    solve_lower(L.data(), t.data(), k, 1);
    for (int a = 0; a < k; ++a) t[a] += sigma * random.normal();
    solve_lower_transposed(L.data(), t.data(), k, 1);
    for (int i = 0; i < k; ++i) {
      out[i] = 0.0;
      for (int a = 0; a <= i; ++a) out[i] += lam[i * k + a] * t[a];
    }
    out += k;
  }
  return true;
}

}  // namespace ml
