/* Ends what a dtype's section of a kernel source defined; no guard. */
#undef T
#undef NAME
#undef FABS
#undef EXP
#undef EXPM1
#undef LOG
#undef LOG1P
#undef SQRT
#undef SIN
#undef COS
#undef TANH
#undef ERF
#undef SIGMOID
#undef POW
