; The pool of pool.py, as a string.Template: it fills in what has a dollar.
;
; A call claims @owner, writes down its task and opens @crew. Threads that look at @crew, or are woken to look, join
; while there are places. All take parts by @next; who finds none left closes the places and leaves; the call is over
; when the crew is empty. So threads that come late never see a call that is over, and nobody waits for them.

declare i32 @getpid()
declare i32 @sched_yield()
declare i32 @sigfillset(ptr)
declare i32 @sigdelset(ptr, i32)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i64 @llvm.smin.i64(i64, i64)
$placing
$limits
; config.threads, 0 for automatic
@fg_threads = external global i64

; the process whose call has the threads, 0 for none; a forked child may find its parent's
@owner = internal global i32 0
; the process that made the threads, and how many there are
@process = internal global i32 0
@threads = internal global i64 0
@handles = internal global [1024 x ptr] zeroinitializer
; the core that the threads keep off
@core = internal global i32 -1

; the call in progress
@task = internal global ptr null
@context = internal global ptr null
@count = internal global i64 0
; the next part to be done
@next = internal global i64 0, align 64
; high half: how many are at work, the caller among them; low half: how many more may join
@crew = internal global i64 0, align 64
; how many sleepers have yet to be woken
@wakes = internal global i64 0

; POSIX threads' own types, larger than on any system; nobody holds the mutex for longer than to look at @crew
@mutex = internal global [256 x i8] zeroinitializer, align 64
@joining = internal global [256 x i8] zeroinitializer, align 64
@leaving = internal global [256 x i8] zeroinitializer, align 64

define void @fg_parallel(ptr %task, ptr %context, i64 %count) {
entry:
  %allowed = call i64 @allowed()
  %feasible = call i64 @llvm.smin.i64(i64 %allowed, i64 1024)
  %useful = call i64 @llvm.smin.i64(i64 %feasible, i64 %count)
  %several = icmp sgt i64 %useful, 1
  br i1 %several, label %look, label %alone
look:
  %me = call i32 @getpid()
  %owner = load atomic i32, ptr @owner monotonic, align 4
  %mine = icmp eq i32 %owner, %me
  br i1 %mine, label %alone, label %claim
claim:
  %claimed = cmpxchg ptr @owner, i32 %owner, i32 %me acquire monotonic
  %won = extractvalue { i32, i1 } %claimed, 1
  br i1 %won, label %together, label %alone
together:
  %helpers = sub i64 %useful, 1
  call void @prepare(i32 %me, i64 %helpers)
  call void @keep_off()
  store ptr %task, ptr @task
  store ptr %context, ptr @context
  store i64 %count, ptr @count
  call void @share(i64 %helpers)
  store atomic i32 0, ptr @owner release, align 4
  ret void
alone:
  call void @serial(ptr %task, ptr %context, i64 %count)
  ret void
}

define internal i64 @allowed() {
entry:
  %set = load atomic i64, ptr @fg_threads monotonic, align 8
  %automatic = icmp eq i64 %set, 0
  br i1 %automatic, label %count, label %done
count:
  %limit = $limit
  %wide = sext i32 %limit to i64
  %least = call i64 @llvm.smin.i64(i64 %wide, i64 $cores)
  br label %done
done:
  %result = phi i64 [ %set, %entry ], [ %least, %count ]
  ret i64 %result
}

define internal void @prepare(i32 %me, i64 %helpers) {
entry:
  %process = load i32, ptr @process
  %same = icmp eq i32 %process, %me
  br i1 %same, label %look, label %anew
anew:
  call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  call i32 @pthread_cond_init(ptr @joining, ptr null)
  call i32 @pthread_cond_init(ptr @leaving, ptr null)
  store i64 0, ptr @threads
  store i32 -1, ptr @core
  store atomic i64 0, ptr @crew monotonic, align 8
  store i32 %me, ptr @process
  br label %look
look:
  %threads = load i64, ptr @threads
  %enough = icmp sge i64 %threads, %helpers
  br i1 %enough, label %done, label %grow
grow:
  call void @grow(i64 %threads, i64 %helpers)
  br label %done
done:
  ret void
}

; Keep the threads off the caller's core, where it has moved (1 us a thread). To Linux a virtual machine's idle core
; looks taken, and it wakes threads on the caller's: of 2 parts of 200 us the caller did both in most calls.
define internal void @keep_off() {
entry:
  %mask = alloca [16 x i64], align 64
  %core = call i32 @sched_getcpu()
  %before = load i32, ptr @core
  %same = icmp eq i32 %core, %before
  %far = icmp ugt i32 %core, 1023
  %nothing = or i1 %same, %far
  br i1 %nothing, label %done, label %moved
moved:
  store i32 %core, ptr @core
  store [16 x i64] zeroinitializer, ptr %mask
  call i32 @sched_getaffinity(i32 0, i64 128, ptr %mask)
  %at = lshr i32 %core, 6
  %place = getelementptr i64, ptr %mask, i32 %at
  %old = load i64, ptr %place
  %shift = and i32 %core, 63
  %wide = zext i32 %shift to i64
  %bit = shl i64 1, %wide
  %others = xor i64 %bit, -1
  %new = and i64 %old, %others
  store i64 %new, ptr %place
  %threads = load i64, ptr @threads
  br label %each
each:
  %i = phi i64 [ 0, %moved ], [ %next, %move ]
  %more = icmp slt i64 %i, %threads
  br i1 %more, label %move, label %done
move:
  %slot = getelementptr ptr, ptr @handles, i64 %i
  %handle = load ptr, ptr %slot
  call i32 @pthread_setaffinity_np(ptr %handle, i64 128, ptr %mask)
  %next = add i64 %i, 1
  br label %each
done:
  ret void
}

define internal void @grow(i64 %threads, i64 %helpers) {
entry:
  %attributes = alloca [256 x i8], align 64
  %signals = alloca [256 x i8], align 64
  %callers = alloca [256 x i8], align 64
  call i32 @sigfillset(ptr %signals)
  call i32 @sigdelset(ptr %signals, i32 $segv)
  call i32 @pthread_sigmask(i32 $setmask, ptr %signals, ptr %callers)
  call i32 @pthread_attr_init(ptr %attributes)
  call i32 @pthread_attr_setstacksize(ptr %attributes, i64 2097152)
  br label %make
make:
  %made = phi i64 [ %threads, %entry ], [ %more, %next ]
  %thread = getelementptr ptr, ptr @handles, i64 %made
  %error = call i32 @pthread_create(ptr %thread, ptr %attributes, ptr @help, ptr null)
  %failed = icmp ne i32 %error, 0
  br i1 %failed, label %done, label %next
next:
  %handle = load ptr, ptr %thread
  call i32 @pthread_detach(ptr %handle)
  %more = add i64 %made, 1
  store i64 %more, ptr @threads
  store i32 -1, ptr @core
  %enough = icmp sge i64 %more, %helpers
  br i1 %enough, label %done, label %make
done:
  call i32 @pthread_attr_destroy(ptr %attributes)
  call i32 @pthread_sigmask(i32 $setmask, ptr %callers, ptr null)
  ret void
}

define internal void @share(i64 %helpers) {
  store atomic i64 0, ptr @next monotonic, align 8
  store atomic i64 %helpers, ptr @wakes monotonic, align 8
  %crew = or i64 %helpers, 4294967296
  store atomic i64 %crew, ptr @crew release, align 8
  ; with the mutex, who looked at @crew before it was opened has fallen asleep and can be woken
  call i32 @pthread_mutex_lock(ptr @mutex)
  call i32 @pthread_mutex_unlock(ptr @mutex)
  call void @wake_two()
  call void @work()
  call void @wait(ptr @over, ptr @leaving)
  ret void
}

; What a thread of the pool does.
define internal ptr @help(ptr %nothing) {
entry:
  br label %again
again:
  call void @wait(ptr @join, ptr @joining)
  call void @wake_two()
  call void @work()
  br label %again
}

; Do parts until there are no more; then nobody needs to join, and the last to leave says so.
define internal void @work() {
entry:
  %task = load ptr, ptr @task
  %context = load ptr, ptr @context
  %count = load i64, ptr @count
  br label %parts
parts:
  %part = atomicrmw add ptr @next, i64 1 monotonic
  %any = icmp slt i64 %part, %count
  br i1 %any, label %do, label %leave
do:
  call void %task(ptr %context, i64 %part)
  br label %parts
leave:
  atomicrmw and ptr @crew, i64 -4294967296 monotonic
  %before = atomicrmw sub ptr @crew, i64 4294967296 acq_rel
  %last = icmp eq i64 %before, 4294967296
  br i1 %last, label %tell, label %done
tell:
  call i32 @pthread_mutex_lock(ptr @mutex)
  call i32 @pthread_mutex_unlock(ptr @mutex)
  call i32 @pthread_cond_signal(ptr @leaving)
  br label %done
done:
  ret void
}

; Each that is woken wakes two more: the caller alone would take 1 us for each.
define internal void @wake_two() {
  call void @wake()
  call void @wake()
  ret void
}

define internal void @wake() {
  %left = atomicrmw sub ptr @wakes, i64 1 monotonic
  %any = icmp sgt i64 %left, 0
  br i1 %any, label %signal, label %done
signal:
  call i32 @pthread_cond_signal(ptr @joining)
  br label %done
done:
  ret void
}

; Look for a while, then sleep, until it is %ready.
define internal void @wait(ptr %ready, ptr %condition) {
entry:
  br label %look
look:
  %looks = phi i64 [ 1, %entry ], [ %more, %again ]
  %soon = call i1 %ready()
  br i1 %soon, label %done, label %patient
patient:
  %tired = icmp eq i64 %looks, $looks
  br i1 %tired, label %rest, label %again
again:
  call i32 @sched_yield()
  %more = add i64 %looks, 1
  br label %look
rest:
  call i32 @pthread_mutex_lock(ptr @mutex)
  br label %check
check:
  %now = call i1 %ready()
  br i1 %now, label %unlock, label %sleep
sleep:
  call i32 @pthread_cond_wait(ptr %condition, ptr @mutex)
  br label %check
unlock:
  call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %done
done:
  ret void
}

define internal i1 @over() {
  %crew = load atomic i64, ptr @crew acquire, align 8
  %empty = icmp eq i64 %crew, 0
  ret i1 %empty
}

; Take a place in the crew, where there is one.
define internal i1 @join() {
entry:
  br label %look
look:
  %crew = load atomic i64, ptr @crew monotonic, align 8
  %places = trunc i64 %crew to i32
  %full = icmp eq i32 %places, 0
  br i1 %full, label %no, label %try
try:
  %with = add i64 %crew, 4294967295
  %swapped = cmpxchg ptr @crew, i64 %crew, i64 %with acquire monotonic
  %done = extractvalue { i64, i1 } %swapped, 1
  br i1 %done, label %yes, label %look
yes:
  ret i1 true
no:
  ret i1 false
}
