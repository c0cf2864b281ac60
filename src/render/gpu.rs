//! The device that draws: how it is asked for, what it can hold, and whether it still lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A device and its queue. Cloning shares both.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    health: Arc<Health>,
    adapter: AdapterReport,
}

/// What a driver says of itself, in words and numbers that can be shown and saved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AdapterReport {
    /// The adapter's name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// Greatest edge of a 3-D texture, in voxels: larger volumes are drawn by the CPU.
    pub max_texture_3d: u32,
    /// Greatest edge of a picture, in pixels.
    pub max_texture_2d: u32,
    /// Greatest buffer, in bytes.
    pub max_buffer_bytes: u64,
}

/// Why there is no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// No driver offers an adapter.
    #[error("no graphics adapter was found ({0}); a software one is in the package mesa-vulkan-drivers")]
    NoAdapter(String),
    /// The adapter gives no device.
    #[error("the graphics adapter gives no device: {0}")]
    NoDevice(String),
    /// A picture could not be drawn or read back.
    #[error("the graphics device failed: {0}")]
    Failed(String),
}

#[derive(Debug, Default)]
struct Health {
    lost: AtomicBool,
    first_error: Mutex<Option<String>>,
}

impl Gpu {
    /// A device of its own, for pictures without a window. `WGPU_BACKEND` chooses among backends and
    /// `WGPU_ADAPTER_NAME` among adapters; else the fastest is taken, a software one last.
    pub fn headless() -> Result<Self, GpuError> {
        pollster::block_on(async {
            let instance = wgpu::Instance::new(instance_descriptor());
            let adapter = choose_adapter(&instance).await?;
            let request = adapter.request_device(&device_descriptor(&adapter)).await;
            let (device, queue) = request.map_err(|error| GpuError::NoDevice(error.to_string()))?;
            Ok(Self::of_window(&adapter, device, queue))
        })
    }

    /// The device that a window already has. Takes over its error handlers, whose default is to end
    /// the program.
    pub fn of_window(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let health = Arc::new(Health::default());
        let on_loss = health.clone();
        device.set_device_lost_callback(move |reason, text| {
            tracing::warn!("graphics device lost ({reason:?}): {text}");
            on_loss.lost.store(true, Ordering::Release);
        });
        let on_error = health.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            tracing::error!("graphics device: {error}");
            let mut first = on_error.first_error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| error.to_string());
        }));
        Self { device, queue, health, adapter: AdapterReport::of(adapter) }
    }

    /// Whether the device is gone. Everything drawn with it must be built again on another one.
    pub fn is_lost(&self) -> bool {
        // The callback that tells of a loss runs only when the device is polled.
        if self.device.poll(wgpu::PollType::Poll).is_err() {
            self.health.lost.store(true, Ordering::Release);
        }
        self.health.lost.load(Ordering::Acquire)
    }

    /// The first error since the last call that nobody was waiting for; others mostly follow from it.
    pub fn take_error(&self) -> Option<String> {
        self.health.first_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What the adapter says of itself.
    pub fn adapter(&self) -> &AdapterReport {
        &self.adapter
    }

    /// Waits until everything asked of the device is done.
    pub fn finish(&self) -> Result<(), GpuError> {
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        waited.map(drop).map_err(|error| GpuError::Failed(error.to_string()))
    }

    /// A buffer, where the device has room for it.
    pub(super) fn buffer(
        &self,
        label: &str,
        bytes: usize,
        usage: wgpu::BufferUsages,
    ) -> Option<wgpu::Buffer> {
        let size = (bytes as u64).max(4);
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        pollster::block_on(scope.pop()).is_none().then_some(buffer)
    }

    /// The same with something in it.
    pub(super) fn filled(
        &self,
        label: &str,
        bytes: &[u8],
        usage: wgpu::BufferUsages,
    ) -> Option<wgpu::Buffer> {
        let buffer = self.buffer(label, bytes.len(), usage | wgpu::BufferUsages::COPY_DST)?;
        self.queue.write_buffer(&buffer, 0, bytes);
        Some(buffer)
    }

    /// What lies in the first bytes of a buffer that can be read; `None` where the device fails.
    pub(super) fn read<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer, bytes: u64) -> Option<Vec<T>> {
        let (sender, mapped) = std::sync::mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| drop(sender.send(result)));
        self.finish().ok()?;
        mapped.recv().ok()?.ok()?;
        let items = bytemuck::pod_collect_to_vec(&buffer.get_mapped_range(..bytes).ok()?);
        buffer.unmap();
        Some(items)
    }

    /// Gives the device up, as a driver's crash would.
    pub fn destroy(&self) {
        self.device.destroy();
    }
}

/// Every adapter that the installed drivers offer.
pub fn adapters() -> Vec<AdapterReport> {
    let descriptor = instance_descriptor();
    let backends = descriptor.backends;
    let found = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
    found.iter().map(AdapterReport::of).collect()
}

fn instance_descriptor() -> wgpu::InstanceDescriptor {
    wgpu::InstanceDescriptor {
        backends: wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY | wgpu::Backends::GL),
        flags: wgpu::InstanceFlags::from_build_config().with_env(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    }
}

async fn choose_adapter(instance: &wgpu::Instance) -> Result<wgpu::Adapter, GpuError> {
    if let Ok(wanted) = std::env::var("WGPU_ADAPTER_NAME") {
        let wanted = wanted.to_lowercase();
        let mut found = instance.enumerate_adapters(wgpu::Backends::all()).await;
        found.retain(|adapter| adapter.get_info().name.to_lowercase().contains(&wanted));
        return found
            .into_iter()
            .next()
            .ok_or_else(|| GpuError::NoAdapter(format!("none is called {wanted}")));
    }
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    instance.request_adapter(&options).await.map_err(|error| GpuError::NoAdapter(error.to_string()))
}

/// What to ask an adapter for: no feature at all, the default limits as far as it has them, and its
/// own greatest 3-D textures and buffers, so that no adapter refuses and no volume is cut.
///
/// A window has to be given its device by this too.
pub fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    let offered = adapter.limits();
    let limits = wgpu::Limits::default().or_worse_values_from(&offered);
    wgpu::DeviceDescriptor {
        label: Some("annotomy"),
        required_limits: wgpu::Limits {
            max_texture_dimension_2d: offered.max_texture_dimension_2d,
            max_texture_dimension_3d: offered.max_texture_dimension_3d,
            max_buffer_size: offered.max_buffer_size,
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            ..limits
        },
        ..Default::default()
    }
}

impl AdapterReport {
    fn of(adapter: &wgpu::Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        Self {
            name: info.name,
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            kind: kind.to_owned(),
            max_texture_3d: limits.max_texture_dimension_3d,
            max_texture_2d: limits.max_texture_dimension_2d,
            max_buffer_bytes: limits.max_buffer_size,
        }
    }
}
