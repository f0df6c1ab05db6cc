// What Bun is given in place of src/gate/listening-sockets.ts (its node:net has no BoundSocket, and workers are not for it):
// ports are listened on by the one process that serves them. Preloaded; only the benchmark does so.
declare const Bun: {
  plugin(plugin: {
    name: string;
    setup(build: {
      onLoad(where: { filter: RegExp }, load: () => { contents: string; loader: 'ts' }): void;
    }): void;
  }): void;
};

Bun.plugin({
  name: 'ports of one process',
  setup(build) {
    build.onLoad({ filter: /src\/gate\/listening-sockets\.ts$/ }, () => ({
      loader: 'ts',
      contents: `
        export const portKey = ({ address, port }) => address + ' ' + port;
        export const bindPort = () => ({ close() {} });
        export const listenOn = (server, _handle, at) =>
          new Promise((resolve, reject) => {
            server.once('error', reject);
            server.listen(at.port, at.address, resolve);
          });
      `,
    }));
  },
});
