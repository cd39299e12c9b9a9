/* Included once per float type by optim/update_kernels.c. The order of the operations is PyTorch's. */

/* g = sign gradient + wd p; b = g at first, else mu b + (1 - dampening) g; p -= lr b, or with Nesterov lr (g + mu b) */
void REAL_NAME(update_sgd)(const struct update *u, size_t begin, size_t end)
{
    REAL *restrict p = (REAL *)u->p + begin;
    const REAL *restrict gradient = (const REAL *)u->gradient + begin;
    REAL *restrict buffer = u->first ? (REAL *)u->first + begin : NULL;
    const REAL sign = (REAL)u->sgd.sign, decay = (REAL)u->sgd.decay, rate = (REAL)u->sgd.rate;
    const REAL momentum = (REAL)u->sgd.momentum, mix = (REAL)u->sgd.mix;
    const bool first = u->sgd.first, nesterov = u->sgd.nesterov;
    const size_t count = end - begin;
    if (!buffer) {
        for (size_t i = 0; i < count; i++) {
            REAL g = decay != 0 ? sign * gradient[i] + decay * p[i] : sign * gradient[i];
            p[i] -= rate * g;
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        REAL g = decay != 0 ? sign * gradient[i] + decay * p[i] : sign * gradient[i];
        REAL b = first ? g : momentum * buffer[i] + mix * g;
        b = ABS(b) < FIRST_FLOOR ? 0 : b;
        buffer[i] = b;
        p[i] -= rate * (nesterov ? g + momentum * b : b);
    }
}

/* m += (1 - b1)(g - m); v = b2 v + (1 - b2) g^2; p -= lr/(1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps) */
void REAL_NAME(update_adam)(const struct update *u, size_t begin, size_t end)
{
    REAL *restrict p = (REAL *)u->p + begin;
    const REAL *restrict gradient = (const REAL *)u->gradient + begin;
    REAL *restrict m = (REAL *)u->first + begin;
    REAL *restrict v = (REAL *)u->second + begin;
    const REAL sign = (REAL)u->adam.sign, decay = (REAL)u->adam.decay, shrink = (REAL)u->adam.shrink;
    const REAL rate = (REAL)u->adam.rate, eps = (REAL)u->adam.eps, inverse_root = (REAL)u->adam.inverse_root;
    const REAL rest1 = (REAL)(1 - u->adam.beta1), beta2 = (REAL)u->adam.beta2, rest2 = (REAL)(1 - u->adam.beta2);
    const size_t count = end - begin;
    for (size_t i = 0; i < count; i++) {
        REAL x = p[i] * shrink;
        REAL g = decay != 0 ? sign * gradient[i] + decay * x : sign * gradient[i];
        REAL a = m[i] + (g - m[i]) * rest1;
        REAL b = v[i] * beta2 + g * g * rest2;
        a = ABS(a) < FIRST_FLOOR ? 0 : a;
        b = b < SECOND_FLOOR ? 0 : b;
        m[i] = a;
        v[i] = b;
        p[i] = x - rate * a / (SQRT(b) * inverse_root + eps);
    }
}

#undef REAL
#undef REAL_NAME
#undef SQRT
#undef ABS
#undef FIRST_FLOOR
#undef SECOND_FLOOR
