/** In the environment of everything that a run of the tests starts, also beyond its process groups and sessions. */
export const RUN_MARK = 'MATRIARCH_TEST_RUN';

/** Said to the sweeper by a run that ends in order: what it still finds then is a test's to tell, not its own. */
export const IN_ORDER = 'in order';
