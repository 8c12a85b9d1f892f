#!/usr/bin/env node
// Starts the built program. Next: src/cli.ts.
// A file of its own, because a package manager links it before anything is built.
import '../dist/cli.js';
