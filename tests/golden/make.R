# Golden numbers: fits every model of models.R with lme4 (or dense algebra) and writes one JSON file per data set.
#
# Usage, from the root of the repository:   Rscript tests/golden/make.R [folder of the CSV files [set ...]]
#
# Needs lme4, lmerTest, pbkrtest, nlme, numDeriv, minqa and jsonlite. Formulas and names are written the library's way:
# lower-case columns, `Intercept`, `recipe[T.B]`, outer group first (`batch:cask`); R's name stands beside each coefficient.
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
invisible(Sys.setlocale("LC_COLLATE", "C"))  # factor levels in code-point order
RNGversion("4.2.0")

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
arguments <- commandArgs(trailingOnly = TRUE)
bundled <- if (length(arguments)) arguments[1] else file.path(here, "..", "..", "src", "multilevel", "data", "bundled")
source(file.path(here, "names.R"))
source(file.path(here, "dense.R"))
source(file.path(here, "models.R"))

KR_ROWS <- 1000  # Kenward-Roger builds n-by-n matrices
LONG <- 60       # groups with more levels than this are recorded as their first ten and a sum of squares

# ---- fitting --------------------------------------------------------------------------------------------------------

# Optimiser for lmer: BOBYQA thrice, then Newton steps on Richardson derivatives of the free parameters.
polished <- function(fn, par, lower, upper, control, ...) {
  best <- list(par = par, fval = fn(par))
  for (radius in c(0.5, 0.05, 1e-3)) {
    found <- minqa::bobyqa(best$par, fn, lower, upper, control = list(rhobeg = radius, rhoend = 1e-10, maxfun = 1e5))
    if (found$fval <= best$fval) best <- list(par = found$par, fval = found$fval)
  }
  free <- which(best$par > lower + 1e-5)
  for (step in seq_len(if (length(free)) 4 else 0)) {
    at <- function(x) { p <- best$par; p[free] <- x; fn(p) }
    x <- best$par[free]
    move <- tryCatch(solve(numDeriv::hessian(at, x), numDeriv::grad(at, x)), error = function(e) rep(NaN, length(x)))
    if (any(is.nan(move)) || any(x - move <= lower[free])) break
    value <- at(x - move)
    if (value > best$fval + 1e-9 * abs(best$fval)) break
    best$par[free] <- x - move
    best$fval <- value
    if (max(abs(move)) < 1e-9) break
  }
  list(par = best$par, fval = fn(best$par), conv = 0, message = "polished", feval = 0)
}

fit_lmer <- function(spec, rows, method) {
  formula <- as.formula(spec$r)
  control <- lmerControl(optimizer = polished, calc.derivs = FALSE, check.conv.singular = "ignore",
                         check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore")
  if (!is.null(spec$frequency_weights)) rows <- rows[rep(seq_len(nrow(rows)), rows[[spec$frequency_weights]]), ]
  weights <- if (is.null(spec$precision_weights)) NULL else as.name(spec$precision_weights)
  environment(formula) <- environment()
  reml <- method == "reml"
  eval(bquote(lmerTest::lmer(.(formula), data = rows, REML = .(reml), weights = .(weights), control = control)))
}

# ---- recording ------------------------------------------------------------------------------------------------------

record_fixed <- function(fit, spec, rows, method) {
  table <- coef(summary(fit, ddf = "Satterthwaite"))
  out <- data.frame(term = translate(rownames(table), rows, spec), r = rownames(table),
                    estimate = table[, "Estimate"], std_error = table[, "Std. Error"], df = table[, "df"],
                    t = table[, "t value"], p = table[, "Pr(>|t|)"])
  if (method == "reml" && nobs(fit) <= KR_ROWS && is.null(spec$precision_weights)) {  # pbkrtest ignores weights
    kr <- coef(summary(fit, ddf = "Kenward-Roger"))
    out$kr_std_error <- sqrt(diag(as.matrix(pbkrtest::vcovAdj(fit))))
    out$kr_df <- kr[, "df"]
  }
  out
}

record_variance <- function(fit, spec, rows) {
  table <- as.data.frame(VarCorr(fit))
  table$group <- gsub(".", ":", sub("\\.\\d+$", "", table$grp), fixed = TRUE)  # R makes repeated names valid and unique
  for (side in c("var1", "var2")) {
    known <- !is.na(table[[side]])
    table[[side]][known] <- translate(table[[side]][known], rows, spec, spec$full)
  }
  sds <- table[is.na(table$var2) & table$grp != "Residual", ]
  pairs <- table[!is.na(table$var2), ]
  list(sds = data.frame(group = sds$group, term = sds$var1, sd = sds$sdcor),
       correlations = data.frame(group = pairs$group, term_1 = pairs$var1, term_2 = pairs$var2, correlation = pairs$sdcor))
}

record_effects <- function(modes, sds, group, terms, levels) {
  long <- length(levels) > LONG
  shown <- if (long) 1:10 else seq_along(levels)
  out <- list(group = group, terms = I(terms), levels = I(levels[shown]), mode = modes[shown, , drop = FALSE],
              sd = sds[shown, , drop = FALSE])
  if (long) out$sum_squares <- list(levels = length(levels), mode = I(colSums(modes^2)), sd = I(colSums(sds^2)))
  out
}

record_random <- function(fit, spec, rows) {
  table <- as.data.frame(ranef(fit, condVar = TRUE))
  lapply(unique(as.character(table$grpvar)), function(group) {
    own <- table[table$grpvar == group, ]
    terms <- unique(as.character(own$term))
    levels <- sort(unique(as.character(own$grp)), method = "radix")
    grid <- function(column) sapply(terms, function(t) { r <- own[own$term == t, ]; r[match(levels, r$grp), column] })
    record_effects(matrix(grid("condval"), length(levels)), matrix(grid("condsd"), length(levels)), group,
                   translate(terms, rows, spec, spec$full), levels)
  })
}

# A second opinion from nlme on the criterion and the coefficients, where the spec says how to write the random part.
second_opinion <- function(spec, rows, method) {
  control <- nlme::lmeControl(opt = "nlminb", tolerance = 1e-10, msTol = 1e-12, maxIter = 500, msMaxIter = 500,
                              niterEM = 100)
  fit <- nlme::lme(as.formula(spec$nlme$fixed), data = rows, random = spec$nlme$random, method = toupper(method),
                   control = control)
  list(criterion = -2 * as.numeric(logLik(fit)), sigma = fit$sigma,
       estimate = setNames(as.list(nlme::fixef(fit)), translate(names(nlme::fixef(fit)), rows, spec)))
}

record <- function(spec, method) {
  rows <- prepare(read_set(spec$set), spec)
  head <- list(name = paste(spec$set, spec$label, method, sep = "-"), data = spec$set,
               formula = spec$formula, r_formula = spec$r, method = method, extra_columns = spec$columns, recode = spec$recode,
               missing = if (!is.null(spec$missing)) lapply(spec$missing, I), precision_weights = spec$precision_weights,
               frequency_weights = spec$frequency_weights, residual_sd = spec$residual_sd)
  if (!is.null(spec$dense)) {
    out <- c(head, source = "dense algebra in R", spec$dense(rows, method))
    out$fixed$term <- translate(out$fixed$r, rows, spec)
    if (!is.null(spec$nlme)) out$nlme <- second_opinion(spec, rows, method)
    return(out)
  }
  fit <- fit_lmer(spec, rows, method)
  variance <- record_variance(fit, spec, rows)
  likelihood <- logLik(fit)
  out <- c(head, list(
    source = "lme4", criterion = -2 * as.numeric(likelihood), loglik = as.numeric(likelihood), aic = AIC(fit),
    bic = BIC(fit), parameters = attr(likelihood, "df"), n_rows = nobs(fit), sigma = sigma(fit), singular = isSingular(fit),
    fixed = record_fixed(fit, spec, rows, method), sds = variance$sds, correlations = variance$correlations,
    random = record_random(fit, spec, rows)))
  if (!is.null(spec$nlme)) out$nlme <- second_opinion(spec, rows, method)
  out
}

packages <- c("lme4", "lmerTest", "pbkrtest", "nlme", "numDeriv", "minqa")
version_of <- function(package) as.character(packageVersion(package))
versions <- c(list(R = as.character(getRversion())), lapply(setNames(nm = packages), version_of))

for (set in unique(sapply(MODELS, `[[`, "set"))) {
  if (length(arguments) > 1 && !set %in% arguments[-1]) next
  simulated <- SIMULATED[[set]]
  if (!is.null(simulated))
    write.csv(simulated(), file.path(here, paste0(set, ".csv")), row.names = FALSE, quote = FALSE)
  fits <- list()
  for (spec in Filter(function(m) m$set == set, MODELS)) for (method in spec$methods) {
    started <- proc.time()[3]
    fits <- c(fits, list(record(spec, method)))
    newest <- fits[[length(fits)]]
    message(sprintf("%-45s %14.6f  %5.1f s", newest$name, newest$criterion, proc.time()[3] - started))
  }
  json <- toJSON(shorten(list(versions = versions, models = fits)), digits = NA, auto_unbox = TRUE, na = "null")
  writeLines(gsub("},{\"name\"", "},\n{\"name\"", json, fixed = TRUE), file.path(here, paste0(set, ".json")))
}
