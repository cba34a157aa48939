/**
 * Joins what `tsc` compiled into one file a process (and shared pieces), in the same layout below
 * dist/bundle: a controller that resolves 1,400 files at its start takes four times the processor
 * time, and a guard's start is part of an outage. Runs on the output of `tsc`, never on TypeScript,
 * for esbuild drops the metadata of decorators.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const CONTROLLER = 'dist/apps/controller/src/main.js';
const OTHERS = [
  'dist/apps/agent/src/main.js',
  'dist/apps/guard/src/main.js',
  'dist/apps/cli/src/main.js',
  'dist/apps/cli/src/demo/main.js',
];

/** Found at run time: native code, and what Nest and pg offer to load but we do not have. */
const EXTERNAL = [
  'level',
  'classic-level',
  'msgpackr-extract',
  'pg-native',
  '@nestjs/websockets',
  '@nestjs/websockets/*',
  '@nestjs/platform-express',
  '@fastify/static',
  '@fastify/view',
  '@fastify/multipart',
  'class-transformer',
  'class-transformer/*',
  'class-validator',
  '@grpc/*',
  '@nats-io/*',
  'nats',
  'kafkajs',
  'mqtt',
  'amqplib',
  'amqp-connection-manager',
  'ioredis',
];

const outdir = 'dist/bundle';

async function bundle(options) {
  await build({
    outdir,
    outbase: 'dist',
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    // Kept names would cost each arrow function a property of its own whenever one is made: a twentieth of all
    // that a command takes. Nothing of ours is read by the name of its class.
    keepNames: false,
    // Node keeps the text of a file for good, two bytes a character when a comment holds one beyond
    // Latin-1: 10.7 MB of a controller were that. Lines stay short, so that a stack trace says where.
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: 'external',
    // Packages in CommonJS ask for Node's own modules with `require`, which ES modules do not have.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    // `pg` asks whether it runs at Cloudflare; without a `navigator`, which Node.js has from 21 on, it makes an HTTP response to
    // find out, for which Node.js loads its HTTP client: a tenth of an agent's start.
    define: { navigator: '{"userAgent":"Node.js"}' },
    logLevel: 'error',
    ...options,
  });
}

rmSync(outdir, { recursive: true, force: true });
await Promise.all([
  // Shared pieces are not loaded in the order of the sources, and Nest needs `reflect-metadata` first.
  bundle({ entryPoints: [CONTROLLER], external: EXTERNAL }),
  // Split, so that a guard never loads what only `certs` or a clone need.
  bundle({
    entryPoints: OTHERS,
    external: [...EXTERNAL, '@peculiar/x509', 'reflect-metadata'],
    splitting: true,
    chunkNames: 'shared/[name]-[hash]',
  }),
]);
writeFileSync(`${outdir}/.bundled`, '');
