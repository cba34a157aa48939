/**
 * Ctrl-C or SIGTERM ends a swarm after the seeds under way, with its sum: hours of it are not lost. The second one
 * ends it at once.
 */
export function interruption(): { readonly asked: boolean } {
  const state = { asked: false };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      state.asked = true;
      process.stderr.write('ends after the seeds under way\n');
    });
  }
  return state;
}
