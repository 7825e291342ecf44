// @ts-check
/** For comparison: Latchkey as it would be if it asked the store about the limits of each call. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT } from './latchkey.mjs';

const LIMITER = 'dist/src/modules/limits/call-limiter.service.js';
const ADMIT = '    admit(claim) {\n';
/** Each call takes what it needs of every limit in a statement of its own, and goes on as usual then. */
const ASKING_ADMIT = `
    admit(claim) {
        return { leave() {}, reserved: this.askForEach(claim).then(() => this.admitLeased(claim)).then((taken) => taken.reserved ?? taken) };
    }
    askForEach({ set, amounts }) {
        this.keeper.alerts.metrics.exchanged();
        this.asked = (this.asked ?? 0) + 1;
        const asks = set.leases.filter(({ isRate }) => !isRate).map(({ id, allowance, window, isParallel, figure }) => ({
            allowance: 'naive:' + id, organizationId: allowance.organizationId, window, limit: allowance.limit,
            isParallel, debtFrom: null, keep: null, spent: 0, need: amounts[figure] ?? 0,
            waitingMs: null, want: 0, alertAt: null,
        }));
        return this.keeper.stores.lasting.exchange({ id: 'naive', fence: this.asked }, asks);
    }
    admitLeased(claim) {
`;

/**
 * @param {import('./processes.mjs').Cleanups} cleanups
 * @returns {string} the folder of a copy of the build
 */
export function makeNaiveBuild(cleanups) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-naive-'));
  cleanups.add(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['dist', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const parts = readFileSync(join(folder, LIMITER), 'utf8').split(ADMIT);
  if (parts.length !== 2) throw new Error(`${LIMITER} is not what bench/naive-limits.mjs changes.`);
  writeFileSync(join(folder, LIMITER), parts.join(ASKING_ADMIT));
  return folder;
}
