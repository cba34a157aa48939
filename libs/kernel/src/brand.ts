declare const brand: unique symbol;

/** A value of `Base` that was checked once, at the edge, and must not be mixed with others. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };
