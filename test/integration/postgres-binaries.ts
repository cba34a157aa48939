import { findInstallation } from '#libs/postgres-run';

/** The programs of the PostgreSQL that an agent here would find: the newest. */
export const POSTGRES_BIN = (await findInstallation({})).binDirectory;
