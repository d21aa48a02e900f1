'use strict';

// Becomes a program of arize-codex, which is in the package of this platform.

const { spawn } = require('node:child_process');
const os = require('node:os');
const path = require('node:path');

function find(name) {
  const platform = `arize-codex-${process.platform}-${process.arch}`;
  try {
    const folder = path.dirname(require.resolve(`${platform}/package.json`));
    return path.join(folder, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  } catch {
    process.stderr.write(
      `error: the package ${platform} is not installed\n` +
        'hint: install again without --omit=optional; it exists for Linux with glibc, macOS and Windows\n',
    );
    return process.exit(1);
  }
}

module.exports = function launch(name) {
  const program = find(name);
  const words = process.argv.slice(2);
  if (process.execve) {
    // Node warns that it is experimental.
    process.emitWarning = () => {};
    process.execve(program, [program, ...words], process.env);
  }
  const child = spawn(program, words, { stdio: 'inherit' });
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`error: ${program} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal ? 128 + os.constants.signals[signal] : code));
};
