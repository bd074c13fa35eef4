/**
 * node:http for what runs for long on an edge node. An `import` of it reads every name that it exports, which loads all of
 * undici for `http.WebSocket`: 5 MB that nothing here ever uses.
 */
export const http: typeof import('node:http') = process.getBuiltinModule('node:http');
