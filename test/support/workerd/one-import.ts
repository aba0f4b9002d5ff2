// With every call to an object the pool imports the service's module, and each time asks Vite, in another process, where that is:
// a third of what these tests take. Here the one that is already there is the answer; no test in workerd mocks or resets a module.
interface ModuleRunner {
  import(id: string): Promise<unknown>;
}
declare const __vitest_mocker__: { moduleRunner: ModuleRunner };

const { moduleRunner } = __vitest_mocker__;
// Its class's own, since the files of a runtime set this up one after the other.
const load: ModuleRunner['import'] = Object.getPrototypeOf(moduleRunner).import.bind(moduleRunner);
let service: unknown;

moduleRunner.import = async (id) => {
  if (!id.endsWith('/src/index.ts')) return load(id);
  service ??= await load(id);
  return service;
};
