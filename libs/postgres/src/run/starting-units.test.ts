import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { disableStart, restoreStart } from './debian-start.ts';
import {
  isUnitMasked,
  maskStartingUnits,
  startingUnitsOf,
  UnitMaskError,
  unmaskStartingUnits,
} from './starting-units.ts';

let root: string;
/** Where the instance's data lies. */
let data: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'matriarch-host-'));
  data = join(root, 'data');
  mkdirSync(data);
  mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** As a step of the cluster's leaves it. */
const takenOver = (): string => write('data/matriarch.conf', '');
const packaged = (name: string, directory: string): string =>
  write(`usr/lib/systemd/system/${name}`, `[Service]\nEnvironment=PGDATA=${directory}/\n`);

describe('units that would start PostgreSQL in a data directory', () => {
  it('are those of Red Hat whose PGDATA it is, by its real name, and no other', () => {
    packaged('postgresql-15.service', data);
    packaged('postgresql-14.service', join(root, 'elsewhere'));
    symlinkSync(data, join(root, 'link'));
    expect(startingUnitsOf(join(root, 'link'), root)).toEqual(['postgresql-15.service']);
  });

  it('are told by what an administrator dropped in beside them', () => {
    packaged('postgresql-15.service', join(root, 'elsewhere'));
    write(
      'etc/systemd/system/postgresql-15.service.d/place.conf',
      `[Service]\nEnvironment="PGDATA=${data}"\n`,
    );
    expect(startingUnitsOf(data, root)).toEqual(['postgresql-15.service']);
    expect(startingUnitsOf(join(root, 'elsewhere'), root)).toEqual([]);
  });

  it('are the instances of Debian whose cluster names it', () => {
    write('lib/systemd/system/postgresql@.service', '');
    write('etc/postgresql/15/main/postgresql.conf', `data_directory = '${data}'\t# here\n`);
    write('etc/postgresql/15/other/postgresql.conf', `data_directory = '${root}/elsewhere'\n`);
    expect(startingUnitsOf(data, root)).toEqual(['postgresql@15-main.service']);
  });

  it('are masked once the data is a cluster’s, as systemctl does it, and are told once', async () => {
    packaged('postgresql-15.service', data);
    expect(await maskStartingUnits(data, root)).toEqual([]);
    takenOver();
    expect(await maskStartingUnits(data, root)).toEqual(['postgresql-15.service']);
    const mask = join(root, 'etc/systemd/system/postgresql-15.service');
    expect(readlinkSync(mask)).toBe('/dev/null');
    expect(await maskStartingUnits(data, root)).toEqual([]);
    expect(isUnitMasked('postgresql-15.service', root)).toBe(true);
    expect(await unmaskStartingUnits(data, root)).toEqual(['postgresql-15.service']);
    expect(existsSync(mask)).toBe(false);
    expect(await unmaskStartingUnits(data, root)).toEqual([]);
  });

  it('and an administrator’s own unit in the way is left, and named', async () => {
    takenOver();
    const own = write(
      'etc/systemd/system/postgresql-15.service',
      `[Service]\nEnvironment=PGDATA=${data}\n`,
    );
    await expect(maskStartingUnits(data, root)).rejects.toThrow(UnitMaskError);
    await expect(maskStartingUnits(data, root)).rejects.toThrow(/a unit of your own in its place/);
    expect(lstatSync(own).isFile()).toBe(true);
    expect(await unmaskStartingUnits(data, root)).toEqual([]);
  });
});

describe("Debian's start.conf", () => {
  const CONF = 'etc/postgresql/15/main/start.conf';
  const directory = (): string => join(root, dirname(CONF));
  const read = (): string => readFileSync(join(root, CONF), 'utf8');

  it.each(['auto', 'manual'])('that says %s says disabled, why, and what it was', (before) => {
    const text = `# Automatic startup configuration\n#   auto: start\n\n${before}\n`;
    write(CONF, text);
    expect(disableStart(directory())).toBe(true);
    expect(read()).toMatch(/^# Automatic.*\n#.*\n\ndisabled # Matriarch keeps .*: \w+\n$/);
    expect(disableStart(directory())).toBe(false);
    expect(restoreStart(directory())).toBe(true);
    expect(read()).toBe(text);
  });

  it('that an administrator disabled is theirs', () => {
    write(CONF, 'disabled\n');
    expect(disableStart(directory())).toBe(false);
    expect(restoreStart(directory())).toBe(false);
    expect(read()).toBe('disabled\n');
  });

  it.each([
    { what: 'is not there', text: undefined },
    { what: 'has no value', text: '# nothing' },
  ])('that $what means auto', ({ text }) => {
    mkdirSync(directory(), { recursive: true });
    if (text !== undefined) write(CONF, text);
    expect(disableStart(directory())).toBe(true);
    expect(read()).toMatch(/^(# nothing\n)?disabled # .*: auto\n$/);
  });
});
