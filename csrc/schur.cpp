// The operator: placing the factors, the Schur complement of a chain times many right sides, reduction and return.
#include "schur.hpp"

#include <algorithm>
#include <stdexcept>

#include "threads.hpp"

namespace ml {

namespace {

constexpr std::int64_t part_work = 16384;  // entries of the tables

// z (k x s for each level) := lambda x, or lambda'x.
void rooted(const std::vector<double>& lambda, int k, bool transposed, const double* x, int s, double* z) {
  if (k == 1) {
    for (int c = 0; c < s; ++c) z[c] = lambda[0] * x[c];
    return;
  }
  std::fill(z, z + k * s, 0.0);
  for (int a = 0; a < k; ++a)
    for (int b = 0; b < k; ++b) {
      const double l = transposed ? lambda[b * k + a] : lambda[a * k + b];
      for (int c = 0; c < s; ++c) z[a * s + c] += l * x[b * s + c];
    }
}

}  // namespace

SchurSystem::SchurSystem(std::vector<int> levels, std::vector<int> effects, std::vector<std::vector<double>> A,
                         std::vector<Pairs> pairs, const std::vector<int>& chain, int threads)
    : levels_(std::move(levels)), effects_(std::move(effects)), A_(std::move(A)), threads_(threads) {
  std::vector<bool> in_chain(levels_.size(), false);
  for (int f : chain) {
    if (f < 0 || f >= n_factors() || in_chain[f]) throw std::invalid_argument("chain: not distinct factors");
    in_chain[f] = true;
  }
  for (int f = 0; f < n_factors(); ++f) {
    at_.push_back(total_);
    total_ += static_cast<std::int64_t>(levels_[f]) * effects_[f];
    if (in_chain[f]) continue;
    core_factors_.push_back(f);
    core_list_.push_back({f, effects_[f], levels_[f], core_, 0, {}});
    core_ += static_cast<std::int64_t>(levels_[f]) * effects_[f];
  }
  place_chain(pairs, chain);
  place_tables(pairs);
  cut();
}

void SchurSystem::place_chain(const std::vector<Pairs>& pairs, const std::vector<int>& chain) {
  const int d = static_cast<int>(chain.size());
  chain_factors_ = chain;
  std::vector<Chain::Member> members;
  for (int f : chain) members.push_back({f, effects_[f], levels_[f], 0, A_[f].data()});
  Chain::Ancestors ancestors(d, std::vector<std::vector<std::int32_t>>(d));
  Chain::Blocks blocks(d, std::vector<std::vector<double>>(d));
  for (int a = 0; a < d; ++a)
    for (int b = a + 1; b < d; ++b) {
      const auto pair = std::find_if(pairs.begin(), pairs.end(),
                                     [&](const Pairs& p) { return p.f == chain[a] && p.g == chain[b]; });
      if (pair == pairs.end()) throw std::invalid_argument("chain: an inner factor must come before the outer ones");
      for (std::int64_t i = 0; i < levels_[chain[a]]; ++i)
        if (pair->start[i + 1] != pair->start[i] + 1) throw std::invalid_argument("chain: factors that are not nested");
      ancestors[a][b] = pair->index;
      blocks[a][b].assign(pair->value, pair->value + pair->index.size() * effects_[chain[a]] * effects_[chain[b]]);
    }
  chain_ = Chain(std::move(members), std::move(ancestors), std::move(blocks));
}

void SchurSystem::place_tables(std::vector<Pairs>& pairs) {
  const std::size_t d = chain_factors_.size(), q = core_list_.size();
  down_.assign(d, std::vector<BlockTable>(q));
  up_.assign(q, std::vector<BlockTable>(d));
  across_.assign(q, std::vector<BlockTable>(q));
  auto member = [&](int f) {
    return std::find(chain_factors_.begin(), chain_factors_.end(), f) - chain_factors_.begin();
  };
  auto place = [&](int f) { return std::find(core_factors_.begin(), core_factors_.end(), f) - core_factors_.begin(); };
  for (Pairs& p : pairs) {
    const std::size_t af = member(p.f), ag = member(p.g);
    if (af < d && ag < d) continue;
    BlockTable table(effects_[p.f], effects_[p.g], std::move(p.start), std::move(p.index), p.value);
    BlockTable back = table.transposed(levels_[p.g]);
    entries_ += static_cast<std::int64_t>(table.index.size()) * table.k_row * table.k_col;
    if (af < d) {
      down_[af][place(p.g)] = std::move(table);
      up_[place(p.g)][af] = std::move(back);
    } else if (ag < d) {
      up_[place(p.f)][ag] = std::move(table);
      down_[ag][place(p.f)] = std::move(back);
    } else {
      across_[place(p.f)][place(p.g)] = std::move(table);
      across_[place(p.g)][place(p.f)] = std::move(back);
    }
  }
  for (std::size_t a = 0; a < d; ++a)
    for (std::size_t b = 0; b < q; ++b)
      if (down_[a][b].start.empty()) throw std::invalid_argument("pairs: one table for each pair of factors");
}

void SchurSystem::cut() {
  auto weights = [&](std::int64_t m, const std::vector<const BlockTable*>& tables) {
    std::vector<std::int64_t> weight(m, 4);
    for (const BlockTable* t : tables)
      if (!t->start.empty())
        for (std::int64_t i = 0; i < m; ++i) weight[i] += (t->start[i + 1] - t->start[i]) * t->k_row * t->k_col;
    return weight;
  };
  for (std::size_t a = 0; a < chain_factors_.size(); ++a) {
    std::vector<const BlockTable*> tables;
    for (const BlockTable& t : down_[a]) tables.push_back(&t);
    chain_limits_.push_back(cut_rows(weights(levels_[chain_factors_[a]], tables), part_work));
    for (std::size_t i = 0; i + 1 < chain_limits_.back().size(); ++i) chain_parts_.emplace_back(a, i);
  }
  std::int64_t blocks = 0;
  for (std::size_t b = 0; b < core_list_.size(); ++b) {
    std::vector<const BlockTable*> tables;
    for (const BlockTable& t : up_[b]) tables.push_back(&t);
    for (const BlockTable& t : across_[b]) tables.push_back(&t);
    CoreFactor& here = core_list_[b];
    here.limits = cut_rows(weights(here.m, tables), part_work);
    here.blocks_at = blocks;
    blocks += here.m * here.k * here.k;
    for (std::size_t i = 0; i + 1 < here.limits.size(); ++i) core_parts_.emplace_back(b, i);
  }
  P_.assign(blocks, 0.0);
}

bool SchurSystem::set_lambda(const std::vector<std::vector<double>>& lambda) {
  lambda_ = lambda;
  std::vector<std::vector<double>> of_chain;
  for (int f : chain_factors_) of_chain.push_back(lambda[f]);
  return chain_.factorise(of_chain, threads_for(1)) && diagonal_blocks();
}

// z := Lambda_c x.
void SchurSystem::scale_core(const double* x, int s, double* z) const {
  on_threads(static_cast<std::int64_t>(core_parts_.size()), threads_for(s), [&](std::int64_t part, int) {
    const CoreFactor& here = core_list_[core_parts_[part].first];
    const std::int64_t i = core_parts_[part].second, stride = static_cast<std::int64_t>(here.k) * s;
    for (std::int64_t l = here.limits[i]; l < here.limits[i + 1]; ++l) {
      const std::int64_t at = here.at * s + l * stride;
      rooted(lambda_[here.factor], here.k, false, x + at, s, z + at);
    }
  });
}

// t := Z_e'Z_c z.
void SchurSystem::chain_gather(const double* z, int s, double* t) const {
  on_threads(static_cast<std::int64_t>(chain_parts_.size()), threads_for(s), [&](std::int64_t part, int) {
    const auto [a, i] = chain_parts_[part];
    const Chain::Member& member = chain_.members()[a];
    const std::int64_t lo = chain_limits_[a][i], hi = chain_limits_[a][i + 1], stride = static_cast<std::int64_t>(member.k) * s;
    double* out = t + member.at * s;
    std::fill(out + lo * stride, out + hi * stride, 0.0);
    for (std::size_t b = 0; b < core_list_.size(); ++b) down_[a][b].add(lo, hi, z + core_list_[b].at * s, s, 1.0, out);
  });
}

void SchurSystem::multiply(const double* x, int s, double* y) const {
  std::vector<double> z(core_ * s), t(chain_.size() * s);
  scale_core(x, s, z.data());
  chain_gather(z.data(), s, t.data());
  on_threads(chain_.parts(), threads_for(s), [&](std::int64_t part, int) { chain_.apply(part, t.data(), s, true, true); });
  on_threads(static_cast<std::int64_t>(core_parts_.size()), threads_for(s), [&](std::int64_t part, int) {
    const auto [b, i] = core_parts_[part];
    const CoreFactor& here = core_list_[b];
    const std::int64_t lo = here.limits[i], hi = here.limits[i + 1], stride = static_cast<std::int64_t>(here.k) * s;
    std::vector<double> sum((hi - lo) * stride, 0.0);
    double* out = sum.data() - lo * stride;  // row 0 of the tables
    for (std::size_t c = 0; c < core_list_.size(); ++c)
      if (c != static_cast<std::size_t>(b)) across_[b][c].add(lo, hi, z.data() + core_list_[c].at * s, s, 1.0, out);
    for (std::size_t a = 0; a < chain_factors_.size(); ++a)
      up_[b][a].add(lo, hi, t.data() + chain_.members()[a].at * s, s, -1.0, out);
    std::vector<double> rooted_sum(stride);
    for (std::int64_t l = lo; l < hi; ++l) {
      const std::int64_t at = here.at * s + l * stride;
      const double* A = A_[here.factor].data() + l * here.k * here.k;
      double* own = sum.data() + (l - lo) * stride;
      for (int e = 0; e < here.k; ++e)
        for (int f = 0; f < here.k; ++f) {
          const double value = A[e * here.k + f];
          for (int c = 0; c < s; ++c) own[e * s + c] += value * z[at + f * s + c];
        }
      rooted(lambda_[here.factor], here.k, true, own, s, rooted_sum.data());
      for (std::int64_t c = 0; c < stride; ++c) y[at + c] = x[at + c] + rooted_sum[c];
    }
  });
}

void SchurSystem::reduce(const double* c, int s, double* b) const {
  std::vector<double> t(chain_.size() * s);
  for (std::size_t a = 0; a < chain_factors_.size(); ++a) {
    const Chain::Member& member = chain_.members()[a];
    const double* from = c + at_[member.factor] * s;
    std::copy(from, from + member.m * member.k * s, t.begin() + member.at * s);
  }
  on_threads(chain_.parts(), threads_for(s), [&](std::int64_t part, int) { chain_.apply(part, t.data(), s, true, true); });
  on_threads(static_cast<std::int64_t>(core_parts_.size()), threads_for(s), [&](std::int64_t part, int) {
    const auto [q, i] = core_parts_[part];
    const CoreFactor& here = core_list_[q];
    const std::int64_t lo = here.limits[i], hi = here.limits[i + 1], stride = static_cast<std::int64_t>(here.k) * s;
    const double* own = c + at_[here.factor] * s;
    std::vector<double> sum(own + lo * stride, own + hi * stride);
    for (std::size_t a = 0; a < chain_factors_.size(); ++a)
      up_[q][a].add(lo, hi, t.data() + chain_.members()[a].at * s, s, -1.0, sum.data() - lo * stride);
    for (std::int64_t l = lo; l < hi; ++l)
      rooted(lambda_[here.factor], here.k, true, sum.data() + (l - lo) * stride, s, b + here.at * s + l * stride);
  });
}

void SchurSystem::back(const double* c, const double* x, int s, double* u) const {
  std::vector<double> z(core_ * s), t(chain_.size() * s);
  scale_core(x, s, z.data());
  chain_gather(z.data(), s, t.data());
  for (const Chain::Member& member : chain_.members()) {
    const double* from = c + at_[member.factor] * s;
    double* own = t.data() + member.at * s;
    for (std::int64_t i = 0; i < member.m * member.k * s; ++i) own[i] = from[i] - own[i];
  }
  on_threads(chain_.parts(), threads_for(s), [&](std::int64_t part, int) { chain_.apply(part, t.data(), s, true, false); });
  for (const Chain::Member& member : chain_.members())
    std::copy(t.begin() + member.at * s, t.begin() + (member.at + member.m * member.k) * s, u + at_[member.factor] * s);
  for (const CoreFactor& here : core_list_)
    std::copy(x + here.at * s, x + (here.at + here.m * here.k) * s, u + at_[here.factor] * s);
}

void SchurSystem::chain_part(const double* x, int s, double* v) const {
  std::vector<double> z(core_ * s);
  scale_core(x, s, z.data());
  chain_gather(z.data(), s, v);
  on_threads(chain_.parts(), threads_for(s), [&](std::int64_t part, int) { chain_.apply(part, v, s, true, false); });
}

void SchurSystem::cross(const double* v, int s, double* out) const {
  std::vector<double> z(core_ * s), e(chain_.size() * s), t(chain_.size() * s), own(chain_.size() * s, 0.0);
  for (const CoreFactor& here : core_list_)
    std::copy(v + at_[here.factor] * s, v + (at_[here.factor] + here.m * here.k) * s, z.begin() + here.at * s);
  for (const Chain::Member& member : chain_.members())
    std::copy(v + at_[member.factor] * s, v + (at_[member.factor] + member.m * member.k) * s, e.begin() + member.at * s);
  chain_gather(z.data(), s, t.data());
  chain_.add_products(e.data(), s, own.data());
  for (const Chain::Member& member : chain_.members())
    for (std::int64_t i = member.at * s; i < (member.at + member.m * member.k) * s; ++i)
      out[at_[member.factor] * s + i - member.at * s] = t[i] + own[i];
  on_threads(static_cast<std::int64_t>(core_parts_.size()), threads_for(s), [&](std::int64_t part, int) {
    const auto [b, i] = core_parts_[part];
    const CoreFactor& here = core_list_[b];
    const std::int64_t lo = here.limits[i], hi = here.limits[i + 1], stride = static_cast<std::int64_t>(here.k) * s;
    double* sum = out + at_[here.factor] * s;
    std::fill(sum + lo * stride, sum + hi * stride, 0.0);
    for (std::size_t c = 0; c < core_list_.size(); ++c)
      if (c != static_cast<std::size_t>(b)) across_[b][c].add(lo, hi, z.data() + core_list_[c].at * s, s, 1.0, sum);
    for (std::size_t a = 0; a < chain_factors_.size(); ++a)
      up_[b][a].add(lo, hi, e.data() + chain_.members()[a].at * s, s, 1.0, sum);
    for (std::int64_t l = lo; l < hi; ++l)
      for (int g = 0; g < here.k; ++g)
        for (int f = 0; f < here.k; ++f) {
          const double value = A_[here.factor][(l * here.k + g) * here.k + f];
          for (int c = 0; c < s; ++c) sum[l * stride + g * s + c] += value * z[here.at * s + l * stride + f * s + c];
        }
  });
}

}  // namespace ml
