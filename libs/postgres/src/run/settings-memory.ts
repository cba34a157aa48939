import {
  type InstanceObservation,
  OBSERVED_SETTINGS,
  type ObservedSettings,
} from './observation.ts';
import { optional, type RowReader } from './observation-row.ts';

type Reachable = Extract<InstanceObservation, { kind: 'reachable' }>;
export type KnownSettings = Pick<Reachable, 'settings' | 'pendingRestart'>;

/**
 * On one connection settings change at a reload only, with which `pg_conf_load_time()` changes: what was
 * read stays true until then.
 */
export class SettingsMemory {
  #of: string | null = null;
  #known: KnownSettings = { settings: {}, pendingRestart: [] };

  /** Which load, on which connection, as the server names it; null when nothing was read yet. */
  get of(): string | null {
    return this.#of;
  }

  /** The settings of a look, from its row or from before. */
  learn(row: RowReader): KnownSettings {
    const of = row.text('settings_of');
    if (of === this.#of) return this.#known;
    const told = row.rows('settings');
    this.#of = of;
    this.#known = {
      settings: settingsOf(told),
      pendingRestart: told
        .filter((setting) => setting.flag('pending_restart'))
        .map((setting) => ({ name: setting.text('name'), value: setting.text('shown') })),
    };
    return this.#known;
  }
}

function settingsOf(rows: readonly RowReader[]): ObservedSettings {
  const observed: readonly string[] = OBSERVED_SETTINGS;
  return Object.fromEntries(
    rows
      .filter((row) => observed.includes(row.text('name')))
      .map((row) => [
        row.text('name'),
        { value: row.text('setting'), ...optional('sourceFile', row.optionalText('sourcefile')) },
      ]),
  );
}
