// Loaded before every test file: property tests draw from one seed, so that two runs of `make test` try the same cases.
// PORTCULLIS_SEED=N tries others; `npm run fuzz` draws a new seed each time.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['PORTCULLIS_SEED'] ?? 20181203) });
