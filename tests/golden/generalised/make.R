# Golden numbers of generalised models: fits every model of models.R with its peer and writes a JSON file for each.
#
# Usage, from the root of the repository:  Rscript tests/golden/generalised/make.R [folder of the CSV files [set[-label] ...]]
#
# Needs lme4, glmmTMB, ordinal, statmod, numDeriv and jsonlite. Every log-likelihood of a peer is computed again from the
# densities alone (dense.R) at the peer's estimates; the run stops where they differ.
suppressPackageStartupMessages({library(lme4); library(jsonlite)})
invisible(Sys.setlocale("LC_COLLATE", "C"))  # factor levels in code-point order
RNGversion("4.2.0")

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
arguments <- commandArgs(trailingOnly = TRUE)
bundled <- if (length(arguments)) arguments[1] else file.path(here, "..", "..", "..", "src", "multilevel", "data", "bundled")
for (part in c("../names.R", "simulate.R", "models.R", "densities.R", "dense.R", "peers.R")) source(file.path(here, part))

SHOWN <- 10  # levels whose modes are recorded

record_modes <- function(found, rows, spec) {
  lapply(names(found$modes), function(group) {
    modes <- found$modes[[group]]
    levels <- sort(rownames(modes), method = "radix")
    list(group = group, terms = I(translate(colnames(modes), rows, spec)), n_levels = length(levels),
         levels = I(head(levels, SHOWN)), mode = modes[head(levels, SHOWN), , drop = FALSE],
         sum_squares = I(unname(colSums(modes^2))))
  })
}

record_covariances <- function(covariances, pieces, rows, spec) {
  parts <- lapply(pieces$terms, function(term) {
    V <- covariances[[term$group]]
    terms <- translate(term$names, rows, spec)
    s <- sqrt(diag(V))
    pairs <- if (term$k > 1 && !term$diagonal) t(combn(term$k, 2)) else matrix(0, 0, 2)
    list(sds = data.frame(group = term$group, term = terms, sd = unname(s)),
         correlations = data.frame(group = rep(term$group, nrow(pairs)), term_1 = terms[pairs[, 1]], term_2 = terms[pairs[, 2]],
                                   correlation = (V / outer(s, s))[pairs]))
  })
  list(sds = do.call(rbind, lapply(parts, `[[`, "sds")), correlations = do.call(rbind, lapply(parts, `[[`, "correlations")))
}

# What is said of a vector of dense.R: the estimates in words.
record_vector <- function(par, pieces, rows, spec) {
  at <- unpack(par, pieces)
  covariances <- setNames(lapply(at$factors, tcrossprod), sapply(pieces$terms, `[[`, "group"))
  c(list(estimate = I(unname(at$beta)), inflation = I(unname(at$zi)), numbers = I(unname(at$numbers))),
    record_covariances(covariances, pieces, rows, spec))
}

# The likelihood without Laplace's error: at the peer's estimates, and at its own maximum.
record_exact <- function(par, pieces, rows, spec) {
  at_peer <- exact(par, pieces)
  if (pieces$terms[[1]]$k == 1) stopifnot(abs(at_peer - exact_by_integrate(par, pieces)) < 1e-7 * max(1, abs(at_peer)))
  out <- list(loglik_at_estimates = -at_peer / 2)
  if (!spec$maximised) return(out)
  criterion <- if (pieces$terms[[1]]$k == 1) function(p) exact(p, pieces) else function(p) exact(p, pieces, 19, 6.5)
  best <- dense_fit(criterion, par)
  c(out, list(loglik = -exact(best$par, pieces) / 2, std_error = I(sqrt(diag(best$vcov))[seq_len(ncol(pieces$X))])),
    record_vector(best$par, pieces, rows, spec))
}

name_of <- function(spec) paste(spec$set, spec$label, sep = "-")

record <- function(spec) {
  rows <- prepare(read_set(spec$set), spec)
  pieces <- pieces_of(spec, rows)
  found <- PEERS[[spec$source]](spec, rows, pieces)
  par <- par_of(found, pieces)
  again <- -laplace(par, pieces) / 2
  if (!(abs(again - found$loglik) < 2e-5))
    stop(sprintf("%s: %.6f by the peer, %.6f by dense algebra", spec$label, found$loglik, again))
  covariances <- record_covariances(found$covariances, pieces, rows, spec)
  numbers <- if (length(found$numbers)) data.frame(
    name = if (spec$family == "ordinal") names(found$threshold_errors) else NUMBERS[[spec$family]], value = found$numbers)
  if (spec$family == "ordinal") numbers$std_error <- unname(found$threshold_errors)
  p <- length(found$beta); q <- length(found$zi)
  out <- list(
    name = name_of(spec), data = spec$set, family = spec$family, link = link_of(spec),
    formula = spec$formula, r_formula = spec$r, zero_inflation = spec$zero_inflation, extra_columns = spec$columns,
    missing = if (!is.null(spec$missing)) lapply(spec$missing, I), frequency_weights = spec$frequency_weights,
    source = spec$source, loglik = found$loglik, dense_loglik = again, parameters = found$parameters,
    n_rows = length(pieces$y), singular = isTRUE(found$singular) || any(covariances$sds$sd < 1e-3) ||
      any(abs(covariances$correlations$correlation) > 0.999),
    fixed = data.frame(term = translate(names(found$beta), rows, spec, c(spec$full, "")[1]), r = names(found$beta),
                       estimate = unname(found$beta), std_error = if (!is.null(found$errors)) unname(found$errors[seq_len(p)])),
    inflation = if (q) data.frame(term = translate(names(found$zi), rows, spec), estimate = unname(found$zi),
                                  std_error = unname(found$errors[p + seq_len(q)])),
    numbers = numbers, sds = covariances$sds, correlations = covariances$correlations, modes = record_modes(found, rows, spec))
  if (spec$opinion) {
    other <- fit_glmer(spec, rows, pieces)
    out$glmer <- list(loglik = other$loglik, estimate = I(unname(other$beta)), std_error = I(unname(other$errors)))
  }
  if (spec$exact) out$exact <- record_exact(par, pieces, rows, spec)
  out
}

version_of <- function(package) as.character(packageVersion(package))
versions <- c(list(R = as.character(getRversion())),
              lapply(setNames(nm = c("lme4", "glmmTMB", "ordinal", "statmod", "numDeriv")), version_of))

fresh <- tempfile("plots", here)
write.csv(simulate_plots(), fresh, row.names = FALSE, quote = FALSE)
invisible(file.rename(fresh, file.path(here, "plots.csv")))
for (spec in MODELS) {
  if (length(arguments) > 1 && !any(c(spec$set, name_of(spec)) %in% arguments[-1])) next
  started <- proc.time()[3]
  found <- record(spec)
  json <- toJSON(shorten(list(versions = versions, model = found)), digits = NA, auto_unbox = TRUE, na = "null")
  writeLines(gsub(",\"(fixed|numbers|sds|modes|glmer|exact)\":", ",\n\"\\1\":", json),
             file.path(here, "numbers", paste0(found$name, ".json")))
  message(sprintf("%-35s %14.6f %14.6f %14.6f %6.1f s", found$name, found$loglik, found$dense_loglik,
                  if (is.null(found$exact$loglik)) NA else found$exact$loglik, proc.time()[3] - started))
}
