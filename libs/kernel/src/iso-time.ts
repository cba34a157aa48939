const MS_PER_DAY = 86_400_000;

/**
 * Milliseconds since 1970 as ISO 8601 text in UTC, to the second. Pure libraries have no clock, and so no
 * `Date`; days to date as in Howard Hinnant's "chrono-compatible low-level date algorithms".
 */
export function isoTime(sinceEpochMs: number): string {
  const days = Math.floor(sinceEpochMs / MS_PER_DAY);
  const seconds = Math.floor((sinceEpochMs - days * MS_PER_DAY) / 1_000);
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const ofYear =
    ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock.map(two).join(':')}Z`;
}
