/** Tells of mutants whether the compiler would refuse them: those are no mutants of a program. */
import { resolve } from 'node:path';
import ts from 'typescript';

/** @returns {(file: string, source: string) => boolean} whether the file compiles with this text, all else as it is */
export function compiling() {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  const changed = { name: '', source: '', version: 0 };
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => fileNames,
    getCurrentDirectory: () => process.cwd(),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getScriptVersion: (name) => (resolve(name) === changed.name ? String(changed.version) : '0'),
    getScriptSnapshot: (name) => {
      const text = resolve(name) === changed.name ? changed.source : ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    realpath: ts.sys.realpath,
  });
  return (file, source) => {
    Object.assign(changed, { name: resolve(file), source, version: changed.version + 1 });
    const name = fileNames.find((one) => resolve(one) === changed.name) ?? file;
    const found = [...service.getSyntacticDiagnostics(name), ...service.getSemanticDiagnostics(name)];
    // A name that is not used any more is no error of the program.
    return !found.some(({ category, code }) => category === ts.DiagnosticCategory.Error && !UNUSED.has(code));
  };
}

/** Declared, and never read or used. */
const UNUSED = new Set([6133, 6138, 6192, 6196, 6198]);
