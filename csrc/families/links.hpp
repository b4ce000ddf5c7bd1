// What every family's log density is given, and the links between its mean and the linear predictor.
#pragma once

#include <limits>

#include "../special.hpp"

namespace ml::families {

using special::exp;
using special::log;
using special::log1p;
using special::log_rising;
using special::logistic;
using special::reciprocal;
using special::softplus;
using special::stirling_gap;
using special::value_of;

enum class Link { identity = 0, log = 1, logit = 2, probit = 3, cloglog = 4, inverse = 5, sqrt = 6 };

inline constexpr double not_defined = std::numeric_limits<double>::quiet_NaN();

// One observation: the response, the trials of a binomial one (1 elsewhere), and what depends on data alone, added once.
struct Row {
  double y = 0.0, trials = 1.0;
};

// The mean of an unbounded response.
template <Link link, class T>
T mean(const T& eta) {
  if constexpr (link == Link::identity) return eta;
  if constexpr (link == Link::log) return exp(eta);
  if constexpr (link == Link::inverse) return reciprocal(eta);
  if constexpr (link == Link::sqrt) return eta * eta;
  if constexpr (link == Link::logit) return logistic(eta);
  if constexpr (link == Link::probit) return exp(special::log_normal_cdf(eta));
  if constexpr (link == Link::cloglog) return exp(special::log_cloglog(eta));
}

// Whether a mean that must be positive is not.
template <Link link, class T>
bool negative_mean(const T& eta) {
  return link == Link::identity && value_of(eta) < 0.0;
}

// Log of the mean, without a detour where the link is the logarithm.
template <Link link, class T>
T log_mean(const T& eta) {
  if constexpr (link == Link::log) return eta;
  if constexpr (link == Link::logit) return -softplus(-eta);
  if constexpr (link == Link::probit) return special::log_normal_cdf(eta);
  if constexpr (link == Link::cloglog) return special::log_cloglog(eta);
  if constexpr (link == Link::identity || link == Link::inverse || link == Link::sqrt) return log(mean<link>(eta));
}

// Log of one less the mean of a share.
template <Link link, class T>
T log_rest(const T& eta) {
  if constexpr (link == Link::logit) return -softplus(eta);
  if constexpr (link == Link::probit) return special::log_normal_cdf(-eta);
  if constexpr (link == Link::cloglog) return -exp(eta);
  if constexpr (link == Link::identity || link == Link::log) return log(1.0 - mean<link>(eta));
}

// One less the mean of a share.
template <Link link, class T>
T rest(const T& eta) {
  if constexpr (link == Link::logit) return logistic(-eta);
  if constexpr (link == Link::probit) return exp(special::log_normal_cdf(-eta));
  if constexpr (link == Link::cloglog) return exp(-exp(eta));
}

}  // namespace ml::families
