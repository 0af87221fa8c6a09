package dev.ottla.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** One running check, and the count of all. The lines printed here are the contract in ../README.md. */
final class Check {
    interface Body {
        void run(Check check) throws Exception;
    }

    interface Call {
        void run() throws Exception;
    }

    static final class Failed extends RuntimeException {
        Failed(String reason) {
            super(reason);
        }
    }

    private static final String ONLY = System.getenv().getOrDefault("CHECKS", "");
    private static final BufferedReader STDIN = new BufferedReader(new InputStreamReader(System.in));
    private static final AtomicInteger UNIQUES = new AtomicInteger();
    /** Threads of checks are daemons: one that hangs does not keep the program alive. */
    private static final ExecutorService THREADS = Executors.newCachedThreadPool(r -> {
        Thread thread = new Thread(r);
        thread.setDaemon(true);
        return thread;
    });
    private static int passed;
    private static int failed;

    private final long deadlineNanos;

    private Check(Duration limit) {
        deadlineNanos = System.nanoTime() + limit.toNanos();
    }

    static void run(String name, Duration limit, Body body) {
        if (!name.contains(ONLY)) {
            return;
        }
        Check check = new Check(limit);
        String reason = null;
        Future<?> running = THREADS.submit(() -> {
            body.run(check);
            return null;
        });
        try {
            running.get(limit.toMillis() + 15_000, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            reason = e.getCause() instanceof Failed ? e.getCause().getMessage() : describe(e.getCause());
        } catch (TimeoutException e) {
            reason = "still running 15 s after its limit";
        } catch (InterruptedException e) {
            reason = "interrupted";
        }
        if (reason == null) {
            passed++;
            System.out.println("PASS " + name);
        } else {
            failed++;
            System.out.println("FAIL " + name + ": " + reason.replace('\n', ' '));
        }
    }

    static void skip(String name, String reason) {
        if (name.contains(ONLY)) {
            System.out.println("SKIP " + name + ": " + reason);
        }
    }

    static void finish() {
        System.out.println(passed + " passed, " + failed + " failed");
        System.out.flush();
        Runtime.getRuntime().halt(failed > 0 ? 1 : 0);
    }

    /** Where in this program the cause came from is as useful as the cause. */
    private static String describe(Throwable cause) {
        String where = Arrays.stream(cause.getStackTrace()).filter(f -> f.getClassName().startsWith("dev.ottla"))
            .findFirst().map(f -> " at " + f.getFileName() + ":" + f.getLineNumber()).orElse("");
        return cause + where;
    }

    static String unique(String prefix) {
        return prefix + "-" + ProcessHandle.current().pid() + "-" + UNIQUES.incrementAndGet();
    }

    boolean over() {
        return System.nanoTime() > deadlineNanos;
    }

    void fail(String reason) {
        throw new Failed(reason);
    }

    void that(boolean holds, String otherwise) {
        if (!holds) {
            fail(otherwise);
        }
    }

    void same(Object want, Object got, String what) {
        if (!Objects.equals(want, got)) {
            fail(what + ": want " + want + ", got " + got);
        }
    }

    /** The call must fail with an error of that class, wrapped or not. */
    void throwsError(Class<? extends Throwable> want, String doing, Call call) {
        Throwable got = null;
        try {
            call.run();
        } catch (ExecutionException e) {
            got = e.getCause();
        } catch (Exception e) {
            got = e;
        }
        if (!want.isInstance(got)) {
            fail(doing + ": want " + want.getSimpleName() + ", got " + got);
        }
    }

    /** Asks until there is no problem left. */
    void eventually(Supplier<String> problem) {
        while (true) {
            String last = problem.get();
            if (last == null) {
                return;
            }
            if (over()) {
                fail(last);
            }
            pause(50);
        }
    }

    static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static String listed(String what, Collection<String> values) {
        List<String> some = values.stream().limit(5).toList();
        return values.isEmpty() ? null : values.size() + " " + what + ": " + String.join(", ", some);
    }

    void restart(String how) throws IOException {
        System.out.println("RESTART " + how);
        System.out.flush();
        String answer = STDIN.readLine();
        that("OK".equals(answer), "restart of the node: " + answer);
    }
}
