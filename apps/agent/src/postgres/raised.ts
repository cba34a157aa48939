import { type Parameters, UNSAID_CAPACITY } from '#libs/cluster';

/**
 * Parameters with what a standby needs at least to start. What is enough stays unsaid: a line that goes again with the
 * next writing would wait for a restart ever after, even if it said the default.
 */
export function raised(
  parameters: Parameters,
  atLeast: Readonly<Record<string, number>>,
): Parameters {
  const missing = Object.entries(atLeast).filter(([name, least]) => {
    const has = Number(parameters[name] ?? UNSAID_CAPACITY[name] ?? 0);
    return !(has >= least);
  });
  return {
    ...parameters,
    ...Object.fromEntries(missing.map(([name, least]) => [name, String(least)])),
  };
}
