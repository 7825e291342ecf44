#!/usr/bin/env node
import 'reflect-metadata';

import { Command, InvalidArgumentError } from 'commander';

import type { FilesToVerify } from '#modules/audit/index.js';

import {
  checkApiDocument,
  migrateDatabase,
  printAuditKey,
  printLedgerFindings,
  printMasterKey,
  rebuildUsage,
  replaySpool,
  verifyAuditExport,
  writeApiDocument,
} from './cli-commands.js';
import { explainFailure } from './explain-failure.js';

const program = new Command('latchkey').description('Operates a Latchkey installation.');

program
  .command('migrate')
  .description('Brings the database’s schema up to date, as every start does.')
  .action(() => migrateDatabase(process.env));

program
  .command('keys')
  .description('Keys, for who holds the machine.')
  .command('create-master')
  .description('Makes one more master key of the default organization and prints it.')
  .action(() => printMasterKey(process.env));

program
  .command('spool')
  .description('The usage spool.')
  .command('replay')
  .argument('<directory>', 'a usage spool that its own instance will not ship any more')
  .description(
    'Stores the usage that a dead machine left on its disk. Running it again is harmless.',
  )
  .action((directory: string) => replaySpool(process.env, directory));

program
  .command('usage')
  .description('Sums of usage.')
  .command('rebuild')
  .description(
    'Makes the sums that analytics read anew from the records of each call, day by day. Running instances may go on.',
  )
  .option('--from <day>', 'first day, UTC, such as 2026-11-01', isoDay, '0000-01-01')
  .option('--to <day>', 'last day, UTC', isoDay, '9999-12-31')
  .action((days: { from: string; to: string }) => rebuildUsage(process.env, days));

const audit = program.command('audit').description('The audit log (docs/audit-verification.md).');

audit
  .command('verify')
  .description('Verifies an export against checkpoints. It needs no database and no secret.')
  .requiredOption('--export <file>', 'NDJSON, or JSON with an entry a line')
  .requiredOption('--checkpoints <file>', 'checkpoints, one after the other')
  .option('--public-key <key>', 'what verifies the checkpoints’ signatures')
  .option('--part', 'the export is of a period or of one key: what is not in it is not missed')
  .action((files: FilesToVerify) => verifyAuditExport(files));

audit
  .command('public-key')
  .description('Prints what verifies the checkpoints of this installation.')
  .action(() => printAuditKey(process.env));

program
  .command('ledger')
  .description('The ledger (docs/billing.md).')
  .command('verify')
  .description('Checks that balances, grants and usage agree with all transfers.')
  .action(() => printLedgerFindings(process.env));

program
  .command('openapi')
  .description('Writes the OpenAPI document, or checks that a written one is current.')
  .option('--output <file>', 'where to write it; standard output unless said')
  .option('--check <file>', 'exit with 1 when this file is not current')
  .action(({ output, check }: { output?: string; check?: string }) =>
    check === undefined ? writeApiDocument(output ?? null) : checkApiDocument(check),
  );

function isoDay(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  if (!isDay) throw new InvalidArgumentError('It must be a day such as 2026-11-01.');
  return text;
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(explainFailure(error));
  process.exitCode = 1;
});
