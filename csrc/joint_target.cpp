// Parameters, their priors and the joint density in one call; each thread has its own room to work in.
#include "joint_target.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ml {

namespace {

constexpr double nowhere = -1e300;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

struct JointTarget::Room {
  std::vector<double> x, slope, beta, inflation, own, aux, gamma, by_beta, by_inflation, by_family;
  std::vector<std::vector<double>> lambda;
  std::vector<JointTerm::Point> terms;
  JointPoint point;
  JointGradient gradient;
};

void JointBlock::fill(const double* x, std::vector<double>& out) const {
  out = value;
  for (std::size_t i = 0; i < free.size(); ++i) out[free[i]] = x[first + i];
}

void JointBlock::gather(const std::vector<double>& slopes, double* slope) const {
  for (std::size_t i = 0; i < free.size(); ++i) slope[first + i] += slopes[free[i]];
}

JointTarget::JointTarget(const Joint& joint, JointParameters parameters, std::vector<double> centre,
                         std::vector<double> factor)
    : joint_(joint), parameters_(std::move(parameters)), centre_(std::move(centre)), factor_(std::move(factor)) {}

// The log prior density of everything, its slopes in room.slope; fills what the joint density is given.
double JointTarget::forward(const double* q, Room& room) const {
  const int d = parameters_.d;
  room.x = centre_;
  for (int i = 0; i < d; ++i)
    for (int j = 0; j < d; ++j) room.x[i] += factor_[i * d + j] * q[j];
  room.slope.assign(d, 0.0);
  const double* x = room.x.data();
  parameters_.beta.fill(x, room.beta);
  parameters_.inflation.fill(x, room.inflation);
  double total = coefficients(room) + family(room);
  room.by_inflation.resize(room.inflation.size());
  for (std::size_t j = 0; j < room.inflation.size(); ++j) {
    const LogSlope prior = parameters_.inflation.prior[j].at(room.inflation[j]);
    total += prior.log;
    room.by_inflation[j] = prior.slope;
  }
  parameters_.inflation.gather(room.by_inflation, room.slope.data());
  const std::size_t F = joint_.factors().size();
  room.lambda.resize(F);
  for (std::size_t f = 0; f < F; ++f) room.lambda[f].assign(joint_.factors()[f].K * joint_.factors()[f].K, 0.0);
  room.terms.resize(parameters_.terms.size());
  for (std::size_t t = 0; t < parameters_.terms.size(); ++t) {
    const JointTerm& term = parameters_.terms[t];
    const int K = joint_.factors()[term.factor].K;
    double* root = room.lambda[term.factor].data() + term.first * K + term.first;
    total += term.forward(x, root, K, room.terms[t], room.slope.data());
  }
  return total;
}

double JointTarget::coefficients(Room& room) const {
  const std::size_t p = room.beta.size();
  double total = parameters_.top;
  room.by_beta.assign(p, 0.0);
  if (!parameters_.precision.empty()) {
    room.gamma.assign(p, 0.0);
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t i = 0; i < p; ++i) room.gamma[j] += parameters_.to_centred[j * p + i] * room.beta[i];
      room.gamma[j] -= parameters_.mean[j];
    }
    for (std::size_t j = 0; j < p; ++j) {
      double slope = 0.0;
      for (std::size_t i = 0; i < p; ++i) slope -= parameters_.precision[j * p + i] * room.gamma[i];
      total += 0.5 * slope * room.gamma[j];
      for (std::size_t i = 0; i < p; ++i) room.by_beta[i] += slope * parameters_.to_centred[j * p + i];
    }
  }
  for (std::size_t j = 0; j < p; ++j) {
    const double* row = parameters_.to_centred.data() + j * p;
    double gamma = 0.0;
    for (std::size_t i = 0; i < p; ++i) gamma += row[i] * room.beta[i];
    const LogSlope prior = parameters_.beta.prior[j].at(gamma);
    total += prior.log;
    for (std::size_t i = 0; i < p; ++i) room.by_beta[i] += prior.slope * row[i];
  }
  parameters_.beta.gather(room.by_beta, room.slope.data());
  return total;
}

double JointTarget::family(Room& room) const {
  const JointBlock& block = parameters_.family;
  block.fill(room.x.data(), room.own);
  room.aux = room.own;
  room.by_family.assign(room.own.size(), 0.0);
  double total = 0.0, shift = 0.0, sum = 0.0;
  if (parameters_.ordinal) {
    double at = 0.0;
    const double middle = dot(parameters_.centre, room.beta);
    shift = dot(parameters_.family_centre, room.beta);
    for (std::size_t j = 0; j < room.own.size(); ++j) {
      at += j == 0 ? room.own[0] : std::exp(room.own[j]);
      room.aux[j] = at + middle;
      if (j > 0) total += room.own[j], room.slope[block.first + j] += 1.0;
    }
  } else {
    for (int j : block.free) total += room.own[j];
  }
  for (std::size_t j = 0; j < room.own.size(); ++j) {
    const double value = parameters_.ordinal ? room.aux[j] - shift : std::exp(room.own[j]);
    const LogSlope prior = block.prior[j].at(value);
    total += prior.log;
    sum += prior.slope;
    room.by_family[j] = parameters_.ordinal ? prior.slope : prior.slope * value + 1.0;
  }
  if (!parameters_.ordinal) {
    block.gather(room.by_family, room.slope.data());
    return total;
  }
  thresholds(room.by_family, room);
  if (!parameters_.family_centre.empty())
    for (std::size_t i = 0; i < parameters_.beta.free.size(); ++i)
      room.slope[parameters_.beta.first + i] -= sum * parameters_.family_centre[parameters_.beta.free[i]];
  return total;
}

// Adds the gradient by the thresholds to that by the vector.
void JointTarget::thresholds(const std::vector<double>& by, Room& room) const {
  const int first = parameters_.family.first;
  double later = 0.0;
  for (std::size_t j = by.size(); j-- > 0;) {
    later += by[j];
    room.slope[first + j] += j == 0 ? later : later * std::exp(room.own[j]);
  }
  const JointBlock& beta = parameters_.beta;
  for (std::size_t i = 0; i < beta.free.size(); ++i)
    room.slope[beta.first + i] += later * parameters_.centre[beta.free[i]];
}

// False if a slope is not finite.
bool JointTarget::backward(Room& room, double* gradient) const {
  const int d = parameters_.d;
  double* slope = room.slope.data();
  parameters_.beta.gather(room.gradient.beta, slope);
  parameters_.inflation.gather(room.gradient.inflation, slope);
  if (parameters_.ordinal) {
    thresholds(room.gradient.aux, room);
  } else {
    parameters_.family.gather(room.gradient.aux, slope);
  }
  for (std::size_t t = 0; t < parameters_.terms.size(); ++t) {
    const JointTerm& term = parameters_.terms[t];
    const int K = joint_.factors()[term.factor].K;
    term.backward(room.terms[t], room.gradient.lambda[term.factor].data() + term.first * K + term.first, K, slope);
  }
  for (int j = 0; j < d; ++j) {
    gradient[j] = 0.0;
    for (int i = 0; i < d; ++i) gradient[j] += factor_[i * d + j] * slope[i];
  }
  std::copy(room.gradient.z.begin(), room.gradient.z.end(), gradient + d);
  bool finite = true;
  for (std::int64_t i = 0; i < size(); ++i) finite = finite && std::isfinite(gradient[i]);
  return finite;
}

// What the joint density is given, once `forward` has found it.
void JointTarget::place(const double* q, Room& room) const {
  room.point = {room.beta.data(), room.inflation.data(), room.aux.data(), {}, q + parameters_.d};
  for (const auto& root : room.lambda) room.point.lambda.push_back(root.data());
}

void JointTarget::effects(const double* q, const std::vector<double*>& out) const {
  Room room;
  forward(q, room);
  place(q, room);
  const auto found = joint_.effects(room.point);
  for (std::size_t f = 0; f < found.size(); ++f) std::copy(found[f].begin(), found[f].end(), out[f]);
}

double JointTarget::evaluate(const double* q, double* gradient) const {
  thread_local Room room;
  evaluations.fetch_add(1, std::memory_order_relaxed);
  const double prior = forward(q, room);
  if (std::isfinite(prior)) {
    place(q, room);
    const double value = joint_.evaluate(room.point, room.gradient) + prior;
    if (std::isfinite(value) && backward(room, gradient)) return value;
  }
  std::fill(gradient, gradient + size(), 0.0);
  return nowhere;
}

std::int64_t log_density_of_target(std::uint64_t size, const double* q, double* gradient, double* log_density,
                                   const void* target) noexcept {
  const JointTarget& here = **static_cast<const JointTarget* const*>(target);
  if (static_cast<std::int64_t>(size) != here.size()) return -1;
  try {
    *log_density = here.evaluate(q, gradient);
  } catch (...) {  // no memory, no family: nothing may pass through the other language
    return -2;
  }
  return 0;
}

std::int64_t expand_target(std::uint64_t size, std::uint64_t expanded, const double* q, double* kept,
                           const void* target) noexcept {
  const JointTarget& here = **static_cast<const JointTarget* const*>(target);
  if (static_cast<std::int64_t>(size) != here.size() || expanded != size) return -1;
  here.drawn.fetch_add(1, std::memory_order_relaxed);
  std::copy(q, q + size, kept);
  return 0;
}

}  // namespace ml
