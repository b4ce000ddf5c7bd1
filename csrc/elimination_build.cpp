// Symbolic part of the elimination: which nodes stay sparse, their order, their lists, where values stand.
#include <algorithm>
#include <stdexcept>

#include "elimination.hpp"
#include "ordering.hpp"

namespace ml {

namespace {

constexpr int small_core = 400;  // effects up to which one dense core is cheapest

}  // namespace

Elimination::Elimination(const Moments& moments, Layout given, Criterion crit, int max_core) {
  layout = std::move(given);
  criterion = crit;
  levels = moments.levels;
  fixed.p = moments.p;
  r_ = moments.p + 1;
  max_core_ = max_core;
  order_factors(moments);
  place_nodes({});
  if (Q_ >= small_core) order_core(moments);
  if (Q_ > max_core_) throw std::length_error("the dense core is too large");
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

// Nodes of sparse factors, then the given nodes of other factors one by one, then the dense core.
void Elimination::place_nodes(const std::vector<std::pair<int, int>>& one_by_one) {
  const int F = layout.n_factors();
  factor_.clear();
  core_column_.clear();
  position_.assign(F, {});
  for (int f = 0; f < F; ++f) position_[f].assign(levels[f], -1);
  auto place = [&](int f, int l, int column) {
    position_[f][l] = static_cast<int>(factor_.size());
    factor_.push_back(f);
    core_column_.push_back(column);
  };
  for (int f = 0; f < F; ++f)
    for (int l = 0; factor_sparse_[f] && l < levels[f]; ++l) place(f, l, -1);
  for (const auto& [f, l] : one_by_one) place(f, l, -1);
  n_sparse_ = static_cast<int>(factor_.size());
  Q_ = 0;
  for (int f = 0; f < F; ++f)
    for (int l = 0; l < levels[f]; ++l) {
      if (position_[f][l] >= 0) continue;
      place(f, l, Q_);
      Q_ += layout.effects[f];
    }
  const int next = n_nodes();
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
  store_from_ = first_modified_;
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

// Later nodes that each sparse node meets in the data, and by fill.
std::vector<std::vector<std::int32_t>> Elimination::later_nodes(const Moments& moments) const {
  std::vector<std::vector<std::int32_t>> lists(n_sparse_);
  for (const PairTable& t : moments.pairs)
    for (int i = 0; i < levels[t.f]; ++i)
      for (auto e = t.start[i]; e < t.start[i + 1]; ++e) {
        const int u = position_[t.f][i], v = position_[t.g][t.index[e]];
        if (std::min(u, v) < n_sparse_) lists[std::min(u, v)].push_back(std::max(u, v));
      }
  fill_lists(lists);
  return lists;
}

// Takes out of the dense core the nodes that a minimum-degree order eliminates cheaply one by one.
void Elimination::order_core(const Moments& moments) {
  std::vector<std::vector<std::int32_t>> elements;
  for (const auto& list : later_nodes(moments)) {
    std::vector<std::int32_t> core;
    for (std::int32_t u : list)
      if (u >= n_sparse_) core.push_back(u - n_sparse_);
    if (core.size() > 1) elements.push_back(std::move(core));
  }
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  for (const PairTable& t : moments.pairs)
    for (int i = 0; i < levels[t.f]; ++i)
      for (auto e = t.start[i]; e < t.start[i + 1]; ++e) {
        const int u = position_[t.f][i], v = position_[t.g][t.index[e]];
        if (std::min(u, v) >= n_sparse_) elements.push_back({u - n_sparse_, v - n_sparse_});
      }
  const int nodes = n_nodes() - n_sparse_;
  std::vector<std::pair<int, int>> name(nodes), chosen;
  for (int f = 0; f < layout.n_factors(); ++f)
    for (int l = 0; l < levels[f]; ++l)
      if (position_[f][l] >= n_sparse_) name[position_[f][l] - n_sparse_] = {f, l};
  for (std::int32_t u : minimum_degree(nodes, std::move(elements))) chosen.push_back(name[u]);
  if (!chosen.empty()) place_nodes(chosen);
}

void Elimination::build_lists(const Moments& moments) {
  std::vector<std::vector<std::int32_t>> lists = later_nodes(moments);
  list_start_.assign(n_sparse_ + 1, 0);
  noff_.assign(n_sparse_ + 1, 0);
  width_.assign(n_sparse_, 0);
  run_.assign(n_sparse_, 0);
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
    run_[p] = !lists[p].empty() && lists[p].front() >= n_sparse_ &&
              lists[p].back() - lists[p].front() + 1 == static_cast<std::int32_t>(lists[p].size());
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
  for (int f = 0; f < layout.n_factors(); ++f)
    for (int l = 0; l < levels[f]; ++l) {
      const std::int64_t k = layout.effects[f];
      const int at = position_[f][l];
      std::copy_n(moments.A[f].begin() + l * k * k, k * k, A0_.begin() + aoff_[at]);
      std::copy_n(moments.C[f].begin() + l * k * r_, k * r_, C0_.begin() + coff_[at]);
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
  for (int f = 0; f < layout.n_factors(); ++f)
    for (int l = 0; l < levels[f]; ++l)
      for (int a = 0; a < layout.effects[f]; ++a)
        C0_[coff_[position_[f][l]] + static_cast<std::int64_t>(a) * r_ + r_ - 1] = c[f][l * layout.effects[f] + a];
  for (int j = 0; j < r_; ++j) D0_[(r_ - 1) * r_ + j] = D0_[j * r_ + r_ - 1] = d[j];
}

}  // namespace ml
