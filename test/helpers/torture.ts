// How long the tests run that `npm run torture` runs longer, and with which seeds.

/** 1 in `npm test`. */
export const FACTOR = Number(process.env['TORTURE_FACTOR'] ?? 1);

/** The first seed. */
export const SEED = Number(process.env['TORTURE_SEED'] ?? 0);
