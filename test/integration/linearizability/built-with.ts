import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { planted, type SourcePatch } from '../../simulation/source-patch.ts';

/**
 * Writes a module for `node --import`: the built program in `root` with one place of it changed, as it is
 * loaded. What lies in `dist` stays as it is. @throws StalePatchError
 */
export function builtWith(root: string, folder: string, patch: SourcePatch): string {
  const file = `dist/${patch.file.replace(/\.ts$/, '.js')}`;
  const changed = join(folder, 'changed.mjs');
  writeFileSync(changed, planted(readFileSync(join(root, file), 'utf8'), { ...patch, file }));
  const hooks = join(folder, 'hooks.mjs');
  writeFileSync(
    hooks,
    `import { readFileSync } from 'node:fs';
export async function load(url, context, next) {
  if (!url.endsWith(${JSON.stringify(`/${file}`)})) return await next(url, context);
  const source = readFileSync(${JSON.stringify(changed)}, 'utf8');
  return { format: 'module', source, shortCircuit: true };
}
`,
  );
  const loader = join(folder, 'loader.mjs');
  writeFileSync(
    loader,
    `import { register } from 'node:module';
register(${JSON.stringify(`file://${hooks}`)});
`,
  );
  return loader;
}
