// Watches: recompiles on each change and restarts what is running. `npm run dev`.
import { spawn } from 'node:child_process';

const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
const options = { stdio: 'inherit' };

const first = spawn(process.execPath, tsc, options);
first.on('exit', () => {
  const children = [
    spawn(process.execPath, [...tsc, '--watch', '--preserveWatchOutput'], options),
    spawn(
      process.execPath,
      ['--watch-path=dist', '--watch-preserve-output', 'dist/src/main.js'],
      options,
    ),
  ];
  const stop = () => children.forEach((child) => child.kill('SIGTERM'));
  process.on('SIGINT', stop).on('SIGTERM', stop);
});
