// The pool wraps the prototype of an entry point's class in one more proxy with every instance, so that the hundredth
// object answers a hundred times slower than the first. Here the proxy that is already there stays the only one.
const wrapped = new WeakSet<object>();
const isWrapper = (target: object, handler: ProxyHandler<object>): boolean =>
  Object.hasOwn(target, 'constructor') && Object.keys(handler).join() === 'get';

// The files of a runtime set this up one after the other: once is enough.
const runtime = globalThis as unknown as { hasOneProxy?: true };
if (!runtime.hasOneProxy) {
  runtime.hasOneProxy = true;
  globalThis.Proxy = new Proxy(Proxy, {
    construct(proxy, [target, handler]: [object, ProxyHandler<object>]) {
      if (wrapped.has(target)) return target;
      const made = new proxy(target, handler);
      if (isWrapper(target, handler)) wrapped.add(made);
      return made;
    },
  });
}
