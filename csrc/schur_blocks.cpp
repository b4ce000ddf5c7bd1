// The preconditioner: exact diagonal blocks of the Schur complement, factored.
#include <atomic>
#include <cmath>

#include "schur.hpp"
#include "small_dense.hpp"
#include "threads.hpp"

namespace ml {

namespace {

// out (k x s) := lambda'x.
void rooted_transposed(const std::vector<double>& lambda, int k, const double* x, int s, double* out) {
  for (int a = 0; a < k; ++a)
    for (int c = 0; c < s; ++c) {
      double sum = 0.0;
      for (int b = 0; b < k; ++b) sum += lambda[b * k + a] * x[b * s + c];
      out[a * s + c] = sum;
    }
}

}  // namespace

bool SchurSystem::diagonal_blocks() {
  std::atomic<bool> defined{true};
  std::vector<double> log_dets(core_parts_.size(), 0.0);
  bool scalar = chain_.depth() == 1 && chain_.members()[0].k == 1;
  on_threads(static_cast<std::int64_t>(core_parts_.size()), threads_for(1), [&](std::int64_t part, int) {
    const auto [b, i] = core_parts_[part];
    const CoreFactor& here = core_list_[b];
    const std::int64_t lo = here.limits[i], hi = here.limits[i + 1];
    double* P = P_.data() + here.blocks_at;
    if (scalar && here.k == 1)
      scalar_blocks(here, b, lo, hi, P);
    else
      general_blocks(here, b, lo, hi, P);
    for (std::int64_t l = lo; l < hi; ++l) {
      double* block = P + l * here.k * here.k;
      if (!cholesky(block, here.k)) defined = false;
      for (int e = 0; e < here.k; ++e) log_dets[part] += 2.0 * std::log(block[e * here.k + e]);
    }
  });
  log_det_blocks_ = 0.0;
  for (double v : log_dets) log_det_blocks_ += v;
  return defined;
}

// One scalar factor in the chain: 1 + t (A - sum_i n_i^2 T / D_i).
void SchurSystem::scalar_blocks(const CoreFactor& here, int b, std::int64_t lo, std::int64_t hi, double* P) const {
  const double le = chain_.lambda(0)[0], lc = lambda_[here.factor][0];
  const BlockTable& table = up_[b][0];
  for (std::int64_t l = lo; l < hi; ++l) {
    double sum = 0.0;
    for (std::int64_t e = table.start[l]; e < table.start[l + 1]; ++e) {
      const double g = table.scalar(e) / *chain_.factor_of(0, table.index[e]);
      sum += g * g;
    }
    P[l] = 1.0 + lc * lc * (A_[here.factor][l] - le * le * sum);
  }
}

// Sweeps the columns of one level of the core through the chain, only over the nodes that meet it and their ancestors.
class Sweep {
 public:
  Sweep(const Chain& chain, int k) : chain_(chain), k_(k), sum_(static_cast<std::size_t>(k) * k) {
    slot_.resize(chain.depth());
    touched_.resize(chain.depth());
    work_.resize(chain.depth());
    for (int a = 1; a < chain.depth(); ++a) slot_[a].assign(chain.members()[a].m, -1);
  }

  // Z_l'V_1^-1 Z_l (k x k) of level l, whose own cross-products are A; tables: its rows, k x k_a blocks.
  const std::vector<double>& information(std::int64_t l, const double* A, const std::vector<BlockTable>& tables) {
    std::copy(A, A + k_ * k_, sum_.begin());
    for (int a = 0; a < chain_.depth(); ++a) {
      const BlockTable& table = tables[a];
      const int ka = chain_.members()[a].k;
      N_.resize(static_cast<std::size_t>(ka) * k_);
      G_.resize(N_.size());
      flipped_.resize(N_.size());
      for (std::int64_t e = table.start[l]; e < table.start[l + 1]; ++e) {
        table.block(e, N_.data());
        for (int r = 0; r < k_; ++r)
          for (int c = 0; c < ka; ++c) flipped_[c * k_ + r] = N_[r * ka + c];
        rooted_transposed(chain_.lambda(a), ka, flipped_.data(), k_, G_.data());
        if (a == 0) {
          eliminate(0, table.index[e], G_.data());
        } else {
          double* w = place(a, table.index[e]);
          for (std::size_t v = 0; v < G_.size(); ++v) w[v] += G_[v];
        }
      }
      for (std::size_t t = 0; t < touched_[a].size(); ++t)
        eliminate(a, touched_[a][t], work_[a].data() + static_cast<std::int64_t>(t) * ka * k_);
    }
    for (int a = 1; a < chain_.depth(); ++a) {
      for (std::int32_t i : touched_[a]) slot_[a][i] = -1;
      touched_[a].clear();
      work_[a].clear();
    }
    return sum_;
  }

 private:
  // Where what stands at a node is kept, k_a x k; zero if it is met for the first time.
  double* place(int a, std::int32_t i) {
    const std::int64_t size = static_cast<std::int64_t>(chain_.members()[a].k) * k_;
    if (slot_[a][i] < 0) {
      slot_[a][i] = static_cast<std::int32_t>(touched_[a].size());
      touched_[a].push_back(i);
      work_[a].resize(work_[a].size() + size, 0.0);
    }
    return work_[a].data() + slot_[a][i] * size;
  }

  // g := L^-1 g, which takes g'g off the information and leaves U'g less at the ancestors.
  void eliminate(int a, std::int32_t i, double* g) {
    const int ka = chain_.members()[a].k;
    solve_lower(chain_.factor_of(a, i), g, ka, k_);
    for (int e = 0; e < ka; ++e)
      for (int r = 0; r < k_; ++r)
        for (int c = 0; c < k_; ++c) sum_[r * k_ + c] -= g[e * k_ + r] * g[e * k_ + c];
    for (int t = a + 1; t < chain_.depth(); ++t) {
      double* w = place(t, chain_.ancestor(a, t, i));
      const double* U = chain_.coupling(a, t, i);
      const int kt = chain_.members()[t].k;
      for (int e = 0; e < ka; ++e)
        for (int f = 0; f < kt; ++f)
          for (int c = 0; c < k_; ++c) w[f * k_ + c] -= U[e * kt + f] * g[e * k_ + c];
    }
  }

  const Chain& chain_;
  int k_;
  std::vector<std::vector<std::int32_t>> slot_, touched_;
  std::vector<std::vector<double>> work_;
  std::vector<double> sum_, N_, G_, flipped_;
};

void SchurSystem::general_blocks(const CoreFactor& here, int b, std::int64_t lo, std::int64_t hi, double* P) const {
  const int k = here.k;
  const std::vector<double>& root = lambda_[here.factor];
  std::vector<double> half(static_cast<std::size_t>(k) * k);
  Sweep sweep(chain_, k);
  for (std::int64_t l = lo; l < hi; ++l) {
    const std::vector<double>& K = sweep.information(l, A_[here.factor].data() + l * k * k, up_[b]);
    rooted_transposed(root, k, K.data(), k, half.data());
    for (int r = 0; r < k; ++r)
      for (int c = 0; c < k; ++c) {
        double v = r == c ? 1.0 : 0.0;
        for (int e = 0; e < k; ++e) v += half[r * k + e] * root[e * k + c];
        P[(l * k + r) * k + c] = v;
      }
  }
}

void SchurSystem::solve_blocks(std::int64_t part, const double* r, int s, double* z) const {
  const CoreFactor& here = core_list_[core_parts_[part].first];
  const std::int64_t i = core_parts_[part].second, stride = static_cast<std::int64_t>(here.k) * s;
  for (std::int64_t l = here.limits[i]; l < here.limits[i + 1]; ++l) {
    const double* L = P_.data() + here.blocks_at + l * here.k * here.k;
    const std::int64_t at = here.at * s + l * stride;
    if (here.k == 1) {
      const double inverse = 1.0 / (L[0] * L[0]);
      for (int c = 0; c < s; ++c) z[at + c] = inverse * r[at + c];
      continue;
    }
    std::copy(r + at, r + at + stride, z + at);
    solve_lower(L, z + at, here.k, s);
    solve_lower_transposed(L, z + at, here.k, s);
  }
}

void SchurSystem::root_of_blocks(double* x, int s) const {
  for (const CoreFactor& here : core_list_)
    for (std::int64_t l = 0; l < here.m; ++l) {
      const double* L = P_.data() + here.blocks_at + l * here.k * here.k;
      double* v = x + (here.at + l * here.k) * s;
      for (int e = here.k - 1; e >= 0; --e)
        for (int c = 0; c < s; ++c) {
          double sum = 0.0;
          for (int f = 0; f <= e; ++f) sum += L[e * here.k + f] * v[f * s + c];
          v[e * s + c] = sum;
        }
    }
}

}  // namespace ml
