import type { Config } from '#platform/config/env.js';

import type { RunningSystem } from './system.js';

/** What the terminal shows once the system is up. A generated master key is in it: this once, and nowhere else. */
export function welcome({ origin, newMasterKey }: RunningSystem, config: Config): string {
  if (config.role === 'worker') return `\nLatchkey’s worker is up: ${origin}/health/ready\n\n`;
  const greeting = `\nLatchkey is up: ${origin}\nAPI reference:  ${origin}/docs\n\n`;
  if (!newMasterKey) return greeting;
  const key = newMasterKey.reveal();
  return `${greeting}Your master key. It is shown this once, so keep it safe:

  ${key}

Try it:

  curl ${origin}/v1/chat/completions -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '{"model":"sandbox/echo","messages":[{"role":"user","content":"Hello!"}]}'

`;
}
