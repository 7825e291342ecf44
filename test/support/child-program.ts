import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(import.meta.dirname, '../..');
const COMPILER_OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};
const IMPORTS = {
  '#common/*': './common/*',
  '#platform/*': './platform/*',
  '#modules/*': './modules/*',
};

/**
 * Makes a program for a process of its own, which runs the real sources without a build: each is transpiled by itself into
 * `directory`.
 * @param folders of `src` that it imports from
 * @param program JavaScript
 * @returns the program's file
 */
export function compileProgram(
  directory: string,
  folders: readonly string[],
  program: string,
): string {
  for (const folder of folders) {
    const names = readdirSync(join(ROOT, 'src', folder), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))) {
      const source = readFileSync(join(ROOT, 'src', folder, name), 'utf8');
      const target = join(directory, folder, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      const { outputText } = ts.transpileModule(source, { compilerOptions: COMPILER_OPTIONS });
      writeFileSync(target, outputText);
    }
  }
  const description = JSON.stringify({ type: 'module', imports: IMPORTS });
  writeFileSync(join(directory, 'package.json'), description);
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const file = join(directory, 'child.js');
  writeFileSync(file, program);
  return file;
}
