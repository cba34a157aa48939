/** A duration for people: 85 ms, 2.4 s, 3.5 min, 2.1 h. */
export function ageText(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 100_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  if (durationMs < 6_000_000) return `${(durationMs / 60_000).toFixed(1)} min`;
  return `${(durationMs / 3_600_000).toFixed(1)} h`;
}

/** 2026-08-01 12:00:03.123, in UTC as the logs. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '');
}
