// Symbolic part of the elimination: which nodes stay sparse, their order, their lists, where values stand.
#include <algorithm>
#include <numeric>

#include "elimination.hpp"

namespace ml {

Elimination::Elimination(const Moments& moments, Layout given, Criterion crit) {
  layout = std::move(given);
  criterion = crit;
  levels = moments.levels;
  fixed.p = moments.p;
  r_ = moments.p + 1;
  order_factors(moments);
  place_nodes();
  build_lists(moments);
  place_values(moments);
  A_ = A0_;
  C_ = C0_;
  N_ = N0_;
  core_ = core0_;
  U_.assign(aoff_[n_sparse_], 0.0);
}

// A factor can be eliminated level by level if no already eliminated node touches two of its levels: then its block
// of the Schur complement stays block-diagonal (nested factors). Otherwise its levels go to the core.
void Elimination::order_factors(const Moments& moments) {
  const int F = layout.n_factors();
  factor_sparse_.assign(F, false);
  if (F == 0) return;
  factor_sparse_[0] = true;
  // reach[f][g]: for each level of sparse f, the one level of g it touches (-1 none, -2 several)
  std::vector<std::vector<std::vector<std::int32_t>>> reach(F, std::vector<std::vector<std::int32_t>>(F));
  auto note = [&](int f, int g, std::int32_t i, std::int32_t j) {
    auto& cell = reach[f][g][i];
    cell = cell == -1 || cell == j ? j : -2;
  };
  for (int f = 0; f < F; ++f)
    for (int g = 0; g < F; ++g)
      if (f != g) reach[f][g].assign(levels[f], -1);
  for (const PairTable& t : moments.pairs)
    for (int i = 0; i < levels[t.f]; ++i)
      for (auto e = t.start[i]; e < t.start[i + 1]; ++e) {
        note(t.f, t.g, i, t.index[e]);
        note(t.g, t.f, t.index[e], i);
      }
  auto single = [&](int f, int g) {
    return std::none_of(reach[f][g].begin(), reach[f][g].end(), [](std::int32_t x) { return x == -2; });
  };
  for (int g = 1; g < F; ++g) {
    bool sparse = true;
    for (int f = 0; f < g && sparse; ++f)
      if (factor_sparse_[f]) sparse = single(f, g);
    // fill: an eliminated node passes its list on to the first sparse node of that list
    for (int f = 0; f < g && sparse; ++f) {
      if (!factor_sparse_[f]) continue;
      for (int h = f + 1; h < g && sparse; ++h) {
        if (!factor_sparse_[h]) continue;
        for (int i = 0; i < levels[f]; ++i)
          if (reach[f][h][i] >= 0 && reach[f][g][i] >= 0) note(h, g, reach[f][h][i], reach[f][g][i]);
        sparse = single(h, g);
      }
    }
    factor_sparse_[g] = sparse;
  }
}

void Elimination::place_nodes() {
  const int F = layout.n_factors();
  position_.resize(F);
  int next = 0;
  Q_ = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (int f = 0; f < F; ++f) {
      if (factor_sparse_[f] != (pass == 0)) continue;
      position_[f].resize(levels[f]);
      for (int l = 0; l < levels[f]; ++l) {
        position_[f][l] = next++;
        factor_.push_back(f);
        core_column_.push_back(pass == 0 ? -1 : Q_);
        if (pass == 1) Q_ += layout.effects[f];
      }
    }
    if (pass == 0) n_sparse_ = next;
  }
  aoff_.assign(next + 1, 0);
  coff_.assign(next + 1, 0);
  eoff_.assign(next + 1, 0);
  for (int p = 0; p < next; ++p) {
    const std::int64_t k = k_of(p);
    aoff_[p + 1] = aoff_[p] + k * k;
    coff_[p + 1] = coff_[p] + k * r_;
    eoff_[p + 1] = eoff_[p] + k;
  }
  e_total_ = eoff_[next];
  first_modified_ = F > 0 ? levels[0] : 0;
}

void Elimination::fill_lists(std::vector<std::vector<std::int32_t>>& lists) const {
  for (int p = 0; p < n_sparse_; ++p) {
    auto& mine = lists[p];
    std::sort(mine.begin(), mine.end());
    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
    if (mine.empty() || mine[0] >= n_sparse_) continue;
    auto& parent = lists[mine[0]];
    parent.insert(parent.end(), mine.begin() + 1, mine.end());
  }
}

void Elimination::build_lists(const Moments& moments) {
  std::vector<std::vector<std::int32_t>> lists(n_sparse_);
  for (const PairTable& t : moments.pairs)
    for (int i = 0; i < levels[t.f]; ++i)
      for (auto e = t.start[i]; e < t.start[i + 1]; ++e) {
        const int u = position_[t.f][i], v = position_[t.g][t.index[e]];
        if (std::min(u, v) < n_sparse_) lists[std::min(u, v)].push_back(std::max(u, v));
      }
  fill_lists(lists);
  list_start_.assign(n_sparse_ + 1, 0);
  noff_.assign(n_sparse_ + 1, 0);
  width_.assign(n_sparse_, 0);
  for (int p = 0; p < n_sparse_; ++p) list_start_[p + 1] = list_start_[p] + static_cast<std::int64_t>(lists[p].size());
  list_.resize(list_start_[n_sparse_]);
  list_column_.resize(list_.size());
  for (int p = 0; p < n_sparse_; ++p) {
    std::int64_t e = list_start_[p];
    for (std::int32_t u : lists[p]) {
      list_[e] = u;
      list_column_[e++] = width_[p];
      width_[p] += k_of(u);
    }
    noff_[p + 1] = noff_[p] + static_cast<std::int64_t>(k_of(p)) * width_[p];
    lists[p] = {};
  }
}

// Where the block of (lo, hi) stands inside N: first element; its row stride is width_[lo].
double* Elimination::block(std::vector<double>& N, int lo, int hi) const {
  const auto begin = list_.begin() + list_start_[lo], end = list_.begin() + list_start_[lo + 1];
  const auto at = std::lower_bound(begin, end, hi);
  return N.data() + noff_[lo] + list_column_[at - list_.begin()];
}

void Elimination::place_values(const Moments& moments) {
  A0_.assign(aoff_.back(), 0.0);
  C0_.assign(coff_.back(), 0.0);
  N0_.assign(noff_.back(), 0.0);
  core0_.assign(static_cast<std::size_t>(Q_) * Q_, 0.0);
  D0_ = moments.D;
  for (int f = 0; f < layout.n_factors(); ++f) {
    if (levels[f] == 0) continue;
    const int first = position_[f][0];
    std::copy(moments.A[f].begin(), moments.A[f].end(), A0_.begin() + aoff_[first]);
    std::copy(moments.C[f].begin(), moments.C[f].end(), C0_.begin() + coff_[first]);
  }
  for (int p = n_sparse_; p < n_nodes(); ++p) {
    const int k = k_of(p), c = core_column_[p];
    for (int a = 0; a < k; ++a)
      for (int b = 0; b <= a; ++b) core0_[(c + a) + static_cast<std::size_t>(c + b) * Q_] = A0_[aoff_[p] + a * k + b];
  }
  for (const PairTable& t : moments.pairs) {
    const int kf = layout.effects[t.f], kg = layout.effects[t.g];
    for (int i = 0; i < levels[t.f]; ++i)
      for (auto e = t.start[i]; e < t.start[i + 1]; ++e) {
        const int u = position_[t.f][i], v = position_[t.g][t.index[e]];
        const bool flip = v < u;
        const int lo = std::min(u, v), hi = std::max(u, v);
        const double* val = t.value.data() + e * kf * kg;
        double* target = nullptr;
        if (lo < n_sparse_) target = block(N0_, lo, hi);
        for (int a = 0; a < kf; ++a)
          for (int b = 0; b < kg; ++b) {
            const int row = flip ? b : a, col = flip ? a : b;  // row: effect of lo, col: effect of hi
            if (target)
              target[row * width_[lo] + col] = val[a * kg + b];
            else
              core0_[(core_column_[hi] + col) + static_cast<std::size_t>(core_column_[lo] + row) * Q_] = val[a * kg + b];
          }
      }
  }
}

// New response: c by factor (m x K), d = X'y then y'y (p + 1).
void Elimination::replace_response(const std::vector<std::vector<double>>& c, const std::vector<double>& d) {
  for (int f = 0; f < layout.n_factors(); ++f) {
    double* C = C0_.data() + coff_[position_[f][0]];
    const std::int64_t rows = static_cast<std::int64_t>(levels[f]) * layout.effects[f];
    for (std::int64_t i = 0; i < rows; ++i) C[i * r_ + r_ - 1] = c[f][i];
  }
  for (int j = 0; j < r_; ++j) D0_[(r_ - 1) * r_ + j] = D0_[j * r_ + r_ - 1] = d[j];
}

}  // namespace ml
