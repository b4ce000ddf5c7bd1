// Factor, solve and selected inverse of a chain of nested factors.
#include "schur_chain.hpp"

#include <atomic>
#include <cmath>
#include <numeric>

#include "schur_tables.hpp"
#include "small_dense.hpp"
#include "threads.hpp"

namespace ml {

namespace {

constexpr std::int64_t part_size = 2048;  // nodes

// x (k x s) := lambda x or lambda'x.
void multiply_root(const std::vector<double>& lambda, int k, bool transposed, double* x, int s, std::vector<double>& y) {
  if (k == 1) {
    const double l = lambda[0];
    for (int c = 0; c < s; ++c) x[c] *= l;
    return;
  }
  y.assign(static_cast<std::size_t>(k) * s, 0.0);
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) {
      const double l = transposed ? lambda[b * k + a] : lambda[a * k + b];
      for (int c = 0; c < s; ++c) y[a * s + c] += l * x[b * s + c];
    }
  std::copy(y.begin(), y.end(), x);
}

// out (k_a x k_b) := lambda_a' N lambda_b.
void congruence(const std::vector<double>& la, const double* N, const std::vector<double>& lb, int ka, int kb,
                double* out) {
  std::fill(out, out + ka * kb, 0.0);
  for (int i = 0; i < ka; ++i)
    for (int j = 0; j < kb; ++j) {
      const double v = N[i * kb + j];
      if (v == 0.0) continue;
      for (int a = 0; a < ka; ++a)
        for (int b = 0; b < kb; ++b) out[a * kb + b] += la[i * ka + a] * v * lb[j * kb + b];
    }
}

// B (k_b x s) -= U'(k_a x k_b transposed) x (k_a x s).
void subtract_transposed(const double* U, const double* x, int ka, int kb, int s, double* B) {
  for (int a = 0; a < ka; ++a)
    for (int b = 0; b < kb; ++b) {
      const double u = U[a * kb + b];
      for (int c = 0; c < s; ++c) B[b * s + c] -= u * x[a * s + c];
    }
}

}  // namespace

Chain::Chain(std::vector<Member> members, Ancestors ancestors, Blocks blocks)
    : members_(std::move(members)), ancestor_(std::move(ancestors)), N_(std::move(blocks)) {
  const int d = depth();
  for (Member& member : members_) {
    member.at = size_;
    size_ += member.m * member.k;
  }
  order_.resize(d);
  of_top_.resize(d);
  U_ = N_;
  L_.resize(d);
  if (d == 0) return;
  const std::int64_t tops = members_[d - 1].m;
  std::vector<std::int64_t> weight(tops, 0);
  for (int a = 0; a < d; ++a) {
    const std::int64_t m = members_[a].m;
    L_[a].resize(m * members_[a].k * members_[a].k);
    auto top = [&](std::int64_t i) { return a == d - 1 ? i : ancestor_[a][d - 1][i]; };
    of_top_[a].assign(tops + 1, 0);
    for (std::int64_t i = 0; i < m; ++i) {
      ++of_top_[a][top(i) + 1];
      ++weight[top(i)];
    }
    for (std::int64_t t = 0; t < tops; ++t) of_top_[a][t + 1] += of_top_[a][t];
    std::vector<std::int64_t> next(of_top_[a].begin(), of_top_[a].end() - 1);
    order_[a].resize(m);
    for (std::int64_t i = 0; i < m; ++i) order_[a][next[top(i)]++] = static_cast<std::int32_t>(i);
  }
  limits_ = cut_rows(weight, part_size);
}

template <class Work>
void Chain::each_node(std::int64_t part, int a, const Work& work) const {
  const std::int64_t from = of_top_[a][limits_[part]], to = of_top_[a][limits_[part + 1]];
  for (std::int64_t at = from; at < to; ++at) work(order_[a][at]);
}

bool Chain::factorise(const std::vector<std::vector<double>>& lambda, int threads) {
  lambda_ = lambda;
  const int d = depth();
  std::atomic<bool> defined{true};
  on_threads(parts(), threads, [&](std::int64_t part, int) {
    for (int a = 0; a < d; ++a) {
      const int k = members_[a].k;
      each_node(part, a, [&](std::int64_t i) {
        double* M = L_[a].data() + i * k * k;
        congruence(lambda_[a], members_[a].A + i * k * k, lambda_[a], k, k, M);
        for (int e = 0; e < k; ++e) M[e * k + e] += 1.0;
        for (int b = a + 1; b < d; ++b)
          congruence(lambda_[a], N_[a][b].data() + i * k * members_[b].k, lambda_[b], k, members_[b].k,
                     U_[a][b].data() + i * k * members_[b].k);
      });
    }
    for (int a = 0; a < d; ++a)
      each_node(part, a, [&](std::int64_t i) {
        if (!cholesky(L_[a].data() + i * members_[a].k * members_[a].k, members_[a].k)) defined = false;
        if (defined) eliminate(a, i);
      });
  });
  if (!defined) return false;
  log_det_ = 0.0;
  for (int a = 0; a < d; ++a) {
    const int k = members_[a].k;
    for (std::int64_t i = 0; i < members_[a].m; ++i)
      for (int e = 0; e < k; ++e) log_det_ += 2.0 * std::log(L_[a][(i * k + e) * k + e]);
  }
  return true;
}

// What node i of member a leaves to its ancestors.
void Chain::eliminate(int a, std::int64_t i) {
  const int d = depth(), k = members_[a].k;
  for (int b = a + 1; b < d; ++b)
    solve_lower(factor_of(a, i), U_[a][b].data() + i * k * members_[b].k, k, members_[b].k);
  for (int b = a + 1; b < d; ++b) {
    const int kb = members_[b].k;
    const std::int64_t j = ancestor_[a][b][i];
    subtract_transposed(coupling(a, b, i), coupling(a, b, i), k, kb, kb, L_[b].data() + j * kb * kb);
    for (int c = b + 1; c < d; ++c)
      subtract_transposed(coupling(a, b, i), coupling(a, c, i), k, kb, members_[c].k,
                          U_[b][c].data() + j * kb * members_[c].k);
  }
}

void Chain::apply(std::int64_t part, double* t, int s, bool before, bool after) const {
  const int d = depth();
  std::vector<double> y;
  auto at = [&](int a, std::int64_t i) { return t + (members_[a].at + i * members_[a].k) * s; };
  if (before)
    for (int a = 0; a < d; ++a)
      each_node(part, a, [&](std::int64_t i) { multiply_root(lambda_[a], members_[a].k, true, at(a, i), s, y); });
  for (int a = 0; a < d; ++a)
    each_node(part, a, [&](std::int64_t i) {
      const int k = members_[a].k;
      double* x = at(a, i);
      solve_lower(factor_of(a, i), x, k, s);
      for (int b = a + 1; b < d; ++b)
        subtract_transposed(coupling(a, b, i), x, k, members_[b].k, s, at(b, ancestor_[a][b][i]));
    });
  for (int a = d - 1; a >= 0; --a)
    each_node(part, a, [&](std::int64_t i) {
      const int k = members_[a].k;
      double* x = at(a, i);
      for (int b = a + 1; b < d; ++b) {
        const double *U = coupling(a, b, i), *z = at(b, ancestor_[a][b][i]);
        for (int e = 0; e < k; ++e)
          for (int f = 0; f < members_[b].k; ++f)
            for (int c = 0; c < s; ++c) x[e * s + c] -= U[e * members_[b].k + f] * z[f * s + c];
      }
      solve_lower_transposed(factor_of(a, i), x, k, s);
    });
  if (after)
    for (int a = 0; a < d; ++a)
      each_node(part, a, [&](std::int64_t i) { multiply_root(lambda_[a], members_[a].k, false, at(a, i), s, y); });
}

// From the outermost member inwards: the joint covariance of a node and its ancestors from that of the ancestors.
std::vector<std::vector<double>> Chain::inverse_blocks() const {
  const int d = depth();
  std::vector<std::vector<double>> out(d), joint(d);
  for (int a = d - 1; a >= 0; --a) {
    const int k = members_[a].k;
    int w = 0;  // effects of the ancestors together
    for (int b = a + 1; b < d; ++b) w += members_[b].k;
    const int n = k + w;
    out[a].resize(members_[a].m * k * k);
    if (a > 0) joint[a].resize(members_[a].m * n * n);
    std::vector<double> full(static_cast<std::size_t>(n) * n), X(static_cast<std::size_t>(k) * n), Y(X.size());
    for (std::int64_t i = 0; i < members_[a].m; ++i) {
      const double* above = w > 0 ? joint[a + 1].data() + static_cast<std::int64_t>(ancestor_[a][a + 1][i]) * w * w : nullptr;
      // X = L^-T [I, -U]; node = X diag(I, above) X', cross = X[:, k:] above.
      std::fill(X.begin(), X.end(), 0.0);
      int column = k;
      for (int e = 0; e < k; ++e) X[e * n + e] = 1.0;
      for (int b = a + 1; b < d; ++b) {
        const double* U = coupling(a, b, i);
        for (int e = 0; e < k; ++e)
          for (int f = 0; f < members_[b].k; ++f) X[e * n + column + f] = -U[e * members_[b].k + f];
        column += members_[b].k;
      }
      solve_lower_transposed(factor_of(a, i), X.data(), k, n);
      Y = X;
      for (int e = 0; e < k; ++e)
        for (int f = 0; f < w; ++f) {
          double sum = 0.0;
          for (int g = 0; g < w; ++g) sum += X[e * n + k + g] * above[g * w + f];
          Y[e * n + k + f] = sum;
        }
      for (int e = 0; e < k; ++e)
        for (int f = 0; f < k; ++f) {
          double sum = 0.0;
          for (int g = 0; g < n; ++g) sum += Y[e * n + g] * X[f * n + g];
          out[a][(i * k + e) * k + f] = full[e * n + f] = sum;
        }
      if (a == 0) continue;
      for (int e = 0; e < k; ++e)
        for (int f = 0; f < w; ++f) full[e * n + k + f] = full[(k + f) * n + e] = Y[e * n + k + f];
      for (int e = 0; e < w; ++e)
        for (int f = 0; f < w; ++f) full[(k + e) * n + k + f] = above[e * w + f];
      std::copy(full.begin(), full.end(), joint[a].begin() + i * n * n);
    }
  }
  return out;
}

std::vector<std::vector<double>> Chain::information() const {
  std::vector<std::vector<double>> blocks = inverse_blocks(), out;
  for (int a = 0; a < depth(); ++a) {
    const int k = members_[a].k;
    std::vector<double> sum(static_cast<std::size_t>(k) * k, 0.0);
    for (std::int64_t i = 0; i < members_[a].m; ++i)
      for (int e = 0; e < k * k; ++e) sum[e] += (e % (k + 1) == 0 ? 1.0 : 0.0) - blocks[a][i * k * k + e];
    out.push_back(std::move(sum));
  }
  return out;
}

void Chain::add_products(const double* v, int s, double* out) const {
  for (int a = 0; a < depth(); ++a)
    for (std::int64_t i = 0; i < members_[a].m; ++i) {
      const int k = members_[a].k;
      const std::int64_t here = (members_[a].at + i * k) * s;
      for (int e = 0; e < k; ++e)
        for (int f = 0; f < k; ++f)
          for (int c = 0; c < s; ++c) out[here + e * s + c] += members_[a].A[(i * k + e) * k + f] * v[here + f * s + c];
      for (int b = a + 1; b < depth(); ++b) {
        const int kb = members_[b].k;
        const std::int64_t there = (members_[b].at + static_cast<std::int64_t>(ancestor_[a][b][i]) * kb) * s;
        const double* N = N_[a][b].data() + i * k * kb;
        for (int e = 0; e < k; ++e)
          for (int f = 0; f < kb; ++f)
            for (int c = 0; c < s; ++c) {
              out[here + e * s + c] += N[e * kb + f] * v[there + f * s + c];
              out[there + f * s + c] += N[e * kb + f] * v[here + e * s + c];
            }
      }
    }
}

}  // namespace ml
