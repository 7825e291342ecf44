// tsc leaves a command's file without the mode that lets npx run it.
import { chmodSync } from 'node:fs';

chmodSync(new URL('../dist/src/cli.js', import.meta.url), 0o755);
