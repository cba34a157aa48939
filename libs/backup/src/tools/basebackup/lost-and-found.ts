import { SqlSession } from '#libs/postgres-run';
import type { ServerAccess } from '../../rebuild-tool.ts';

/**
 * Why a server's data directory cannot be read as a whole: at the top of a mount point lies a directory of root's, on
 * which pg_basebackup and pg_rewind fail with the server's "Permission denied". Null when there is
 * none, or the role may not look.
 */
export async function lostAndFoundOf({ name, sql }: ServerAccess): Promise<string | null> {
  const session = new SqlSession(sql);
  try {
    const [row] = await session.query(
      "SELECT count(*)::int AS there FROM pg_ls_dir('.', true, false) AS f WHERE f = 'lost+found'",
    );
    if (row?.['there'] !== 1) return null;
    await session.query("SELECT count(*) FROM pg_ls_dir('lost+found', true, false)");
    return null;
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('lost+found')) return null;
    return (
      `the data directory of ${name} is a mount point with a lost+found that PostgreSQL may not read ` +
      `(${error.message}): as root there, \`rmdir lost+found\`; fsck makes it anew when it needs it`
    );
  } finally {
    session.close();
  }
}
